/*
 * The relay's main loop: takes requests, and ends when nobody needs it any more.
 */
#ifndef RETROTLS_RELAY_SERVICE_H
#define RETROTLS_RELAY_SERVICE_H

#include <stdbool.h>
#include <sys/types.h>

enum {
    REQUESTS_LIMIT = 512,          /* request connections at once */
    REQUESTS_OF_STRANGERS = 128,   /* of which from other users' processes */
    REQUEST_PATIENCE = 15 * 60000, /* ms that one may stay silent: connect() takes no longer than that */
    IDLE_WITH_OWNER = 60000,       /* ms without a connection after which the relay ends; up to twice that */
    IDLE_WITHOUT_OWNER = 2000,     /* ... if it cannot watch the owner, or the owner may wait for it */
};

struct service_owner {
    int ended;      /* becomes readable when the owner ends (pidfd_open(2)); -1: cannot be watched */
    bool gone;      /* it has ended already */
    bool is_parent; /* or init: it may be waiting for this process to end */
};

/* Looks up the process `owner` (0: unknown). Call it while pidfd_open(2) is still allowed. */
struct service_owner service_owner_of(pid_t owner, pid_t parent);

/*
 * Serves the listener until the owner has gone and its last connection has ended, or the idle time above has
 * passed. The listener is then closed before anything else: a later caller gets ECONNREFUSED and starts a
 * relay of its own.
 */
void service_run(int listener, const struct service_owner *owner);

#endif
