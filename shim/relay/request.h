/*
 * One request of a program's: one message on a connection of its own, answered by one message.
 *
 * A request is obeyed only where it proves its right: WIRE_GUARD by the token that the relay was started with
 * (the program's process and its forked children have it), the others by bringing the program's end along,
 * of the pair that the request names (an exec'ed child that inherited the descriptor has that alone; see
 * pair_identity.h).
 */
#ifndef RETROTLS_RELAY_REQUEST_H
#define RETROTLS_RELAY_REQUEST_H

#include <stdbool.h>

#include "wire/wire.h"

/*
 * Reads the message that waits on `connection`, does what it asks, and replies. False where there was none
 * yet. Otherwise the connection has served its purpose, and is to be closed.
 */
bool request_serve(int connection);

/*
 * Whether another user's process is asking: anybody can connect to an abstract address. A program that
 * dropped its privileges is one too.
 */
bool request_is_strangers(int connection);

#endif
