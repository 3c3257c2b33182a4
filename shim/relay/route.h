/*
 * Which of two TCP connections a session takes, if the policy says `tls auto`: the one that the program asked
 * for, with STARTTLS, or the alternative, with TLS from the first byte (struct guard_request). With any other
 * policy there is only the first.
 */
#ifndef RETROTLS_RELAY_ROUTE_H
#define RETROTLS_RELAY_ROUTE_H

#include <stdbool.h>

#include "relay/connection.h"
#include "relay/negotiation.h"
#include "relay/race/race.h"

/* Must not move from route_begin() on. */
struct route {
    struct connection *c;
    struct negotiation *n;
    struct transport bare;
    struct race race;
    char name[CLEAN_FIELD_LIMIT +
              1];     /* the server's, for messages; with the alternative's port if that is in use */
    bool alternative; /* is in use: c->tcp is its socket, and the settings say TLS_IMPLICIT */
};

/* Prepares `n` over the TCP socket of `c`. */
void route_begin(struct route *route, struct connection *c, struct negotiation *n,
                 void (*passed)(struct negotiation *n, enum negotiation_step step, enum outcome outcome));

/*
 * Waits until TCP is up or has failed; `n->server.filled` must be set. Returns false if the program has gone.
 * `*error`: 0, or the errno of the first connection, which c->tcp then still is.
 */
bool route_await_tcp(struct route *route, int *error);

/*
 * Does negotiation_run(), with the alternative if STARTTLS is not offered. NOT_OFFERED: nor does the
 * alternative lead to a session, and c->tcp and `n` are the first connection's.
 */
enum outcome route_negotiate(struct route *route);

/* Closes what it holds beside the connection. */
void route_end(struct route *route);

#endif
