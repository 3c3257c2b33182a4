/*
 * One connection from the moment it is handed over to its end: TCP's outcome, the dialogue, TLS, and the
 * bytes of the session; or the failure greeting.
 */
#ifndef RETROTLS_RELAY_SESSION_H
#define RETROTLS_RELAY_SESSION_H

#include "relay/connection.h"

enum { SESSION_REFUSED = 60000 /* ms that a refused program is given to close its side */ };

/* Runs the connection to its end. Does not free it. */
void session_run(struct connection *c);

#endif
