/*
 * The relay's main loop: takes requests, and ends when nobody needs it any more.
 */
#ifndef RETROTLS_RELAY_SERVICE_H
#define RETROTLS_RELAY_SERVICE_H

#include <stdbool.h>
#include <sys/types.h>

enum {
    REQUESTS_LIMIT = 512,          /* request connections at once */
    REQUESTS_OF_STRANGERS = 128,   /* of them from another user's processes */
    REQUEST_PATIENCE = 15 * 60000, /* ms that one may stay silent: a connect() takes that long at most */
    IDLE_WITH_OWNER = 60000, /* ms without a connection after which it ends in any case, twice that at most */
    IDLE_WITHOUT_OWNER = 2000, /* ... where it cannot know when the owner ends, or the owner waits for it */
};

struct service_owner {
    int ended; /* a descriptor that becomes readable when it ends (pidfd_open(2)); -1: it cannot be told */
    bool gone; /* it has ended already */
    bool is_parent; /* or init: it may itself wait for this process to end */
};

/* Of the process `owner` (0: unknown). To be called while descriptors of processes can be had. */
struct service_owner service_owner_of(pid_t owner, pid_t parent);

/*
 * Serves the listener until the owner has gone and its last connection has ended, or as long as the idle
 * times above say. The listener is closed then, before anything else is given up: whoever comes after gets
 * ECONNREFUSED and starts a relay of its own.
 */
void service_run(int listener, const struct service_owner *owner);

#endif
