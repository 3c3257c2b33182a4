/*
 * One connection from the moment it is handed over to its end: TCP's outcome, the dialogue, TLS, and the
 * bytes of the session; or the failure greeting.
 */
#ifndef RETROTLS_RELAY_SESSION_H
#define RETROTLS_RELAY_SESSION_H

#include <stdbool.h>

#include "relay/connection.h"
#include "relay/protocol/protocol.h"

enum { SESSION_REFUSED = 60000 /* ms that a refused program is given to close its side */ };

/* The protocol that the policy or a port names, without asking the server; NULL if neither names one. */
const struct protocol *session_protocol_of(const struct guard_request *request);

/* Runs the connection to its end. Does not free it. */
void session_run(struct connection *c);

#endif
