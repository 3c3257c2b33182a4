/* The answer to a request. */
#ifndef RETROTLS_RELAY_REPLY_H
#define RETROTLS_RELAY_REPLY_H

#include "wire/wire.h"

/*
 * Sends `answer`, and with it `descriptor` unless that is -1; the descriptor stays the caller's. Failures are
 * not reported: a program that has gone needs no answer.
 */
void reply_send(int connection, const struct wire_reply *answer, int descriptor);

#endif
