/*
 * One request from a program: one message on a connection of its own, answered by one message.
 *
 * The relay obeys a request only if it proves its right. WIRE_GUARD carries the token that the relay was
 * started with, which the program's process and its forked children know. The other requests bring along the
 * program's end of the pair that they name: an exec'ed child that inherited the descriptor has nothing else
 * to show (see pair_identity.h).
 */
#ifndef RETROTLS_RELAY_REQUEST_H
#define RETROTLS_RELAY_REQUEST_H

#include <stdbool.h>

#include "wire/wire.h"

enum {
    SPARE_DESCRIPTORS = 64,     /* kept free for requests about connections; at most a quarter of all */
    RELAY_DESCRIPTORS = 12,     /* of the relay itself */
    CONNECTION_DESCRIPTORS = 4, /* of each connection: TCP, the pair's end, its room, its edges */
    OPENING_DESCRIPTORS = 2,    /* more of one that is not open yet: its asker, a file of the policy */
};

/*
 * Says how many descriptors this process may have (RLIMIT_NOFILE). When they run short, WIRE_GUARD is
 * answered with EMFILE before anything is taken over: the library then starts another relay, and this one
 * goes on with the connections that it has. Until it is called there is no limit.
 */
void request_limit_descriptors(unsigned long long limit);

/*
 * Reads the message that waits on `connection`, does what it asks, and replies. Returns false if no message
 * has come yet. Otherwise the connection is finished with, and the caller closes it.
 */
bool request_serve(int connection);

/*
 * Whether the request comes from another user's process: anybody can connect to an abstract address. A
 * program that dropped its privileges counts as one.
 */
bool request_is_strangers(int connection);

#endif
