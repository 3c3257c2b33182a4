/*
 * The threads that run the connections, one each. A thread that is done waits a while for the next
 * connection: a new thread would have to make OpenSSL's random generators and error queues of its own again
 * (0.2 ms). A thread may only serve connections of the domain that it is shut into (sandbox.h).
 */
#ifndef RETROTLS_RELAY_WORKER_H
#define RETROTLS_RELAY_WORKER_H

#include <stdbool.h>

#include "relay/connection.h"

enum {
    WORKERS_SPARE = 8,       /* threads that wait for a connection, at most */
    WORKER_PATIENCE = 10000, /* ms that one waits */
};

/* Runs `c` to its end in a thread, which then frees it. False where there is none to be had; `c` stays the
 * caller's. */
bool worker_run(struct connection *c);

#endif
