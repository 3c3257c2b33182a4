/*
 * One connection from the moment it is handed over to its end: TCP's outcome, the dialogue, TLS, and the
 * bytes of the session; or the failure greeting.
 */
#ifndef RETROTLS_RELAY_SESSION_H
#define RETROTLS_RELAY_SESSION_H

#include <stdbool.h>

#include "relay/connection.h"
#include "relay/protocol.h"

enum {
    SESSION_REFUSED = 60000,           /* ms that a refused program has to close its side */
    SESSION_TIMEOUT_LIMIT = 24 * 3600, /* s: the longest timeout that is obeyed */
};

/*
 * The names that tell the program's process of TCP's outcome, bound to the relay's end: \0retrotls/1 ok NAME
 * COOKIE, or \0retrotls/1 E<errno> NAME COOKIE, and where another process has taken that name, one with 16
 * random hex digits behind it. `name` is the hex that the relay's own address ends in. False
 * with errno.
 */
void session_set_relay_name(const char *name);
bool session_bind_outcome(const struct connection *c, int error);

/* The protocol that the policy or a port names, without asking the server; NULL where neither does. */
const struct protocol *session_protocol_of(const struct guard_request *request);

/* Runs it to its end. Does not free it. */
void session_run(struct connection *c);

#endif
