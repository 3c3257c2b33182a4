/*
 * The threads that run the connections, one each. A thread that is done waits a while for the next
 * connection: a new thread would have to make OpenSSL's random generators and error queues of its own again
 * (0.2 ms).
 */
#ifndef RETROTLS_RELAY_THREAD_POOL_H
#define RETROTLS_RELAY_THREAD_POOL_H

#include <stdbool.h>

#include "relay/connection.h"

enum {
    POOL_SPARE = 8,        /* threads that wait for a connection, at most */
    POOL_PATIENCE = 10000, /* ms that one waits */
};

/* Runs `c` to its end in a thread, which then frees it. False where there is none to be had; `c` stays the
 * caller's. */
bool thread_pool_run(struct connection *c);

#endif
