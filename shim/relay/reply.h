/* The answer to a request. */
#ifndef RETROTLS_RELAY_REPLY_H
#define RETROTLS_RELAY_REPLY_H

#include "wire/wire.h"

/*
 * Sends `answer`, and `descriptor` beside it unless it is -1, which stays the caller's. A program that has
 * gone needs none: nothing is told of a failure.
 */
void reply_send(int connection, const struct wire_reply *answer, int descriptor);

#endif
