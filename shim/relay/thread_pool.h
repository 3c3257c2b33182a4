/*
 * The threads that run the connections, one each. A thread that is done waits a while for the next
 * connection, because a new thread has to set up OpenSSL's random generators and error queues again (0.2 ms).
 */
#ifndef RETROTLS_RELAY_THREAD_POOL_H
#define RETROTLS_RELAY_THREAD_POOL_H

#include <stdbool.h>

#include "relay/connection.h"

enum {
    POOL_SPARE = 8,        /* idle threads that are kept, at most */
    POOL_PATIENCE = 10000, /* ms that an idle thread waits for a connection */
};

/*
 * Runs `c` to its end in a thread, which then frees it. False if there is no thread; `c` stays the caller's.
 */
bool thread_pool_run(struct connection *c);

#endif
