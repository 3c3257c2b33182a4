/* The relay's main loop: accepts requests, and ends when nobody needs the relay any more. */
#ifndef RETROTLS_RELAY_SERVICE_H
#define RETROTLS_RELAY_SERVICE_H

#include <stdbool.h>
#include <sys/types.h>

enum {
    REQUESTS_LIMIT = 512,          /* request connections at once */
    REQUESTS_OF_STRANGERS = 128,   /* how many of these may come from other users' processes */
    REQUEST_PATIENCE = 15 * 60000, /* ms that each may stay silent: connect() takes no longer than that */
    IDLE_WITH_OWNER = 60000,       /* ms without a connection after which the relay ends; up to twice that */
    IDLE_WITHOUT_OWNER = 2000,     /* ... if it cannot watch the owner, or the owner may wait for it */
};

struct service_owner {
    pid_t process; /* 0: unknown */
    int ended;     /* becomes readable when the owner ends (pidfd_open(2)); -1: cannot be watched */
    bool gone;     /* it has already ended */
    /* Returns the relay's parent. If that is the owner, it may be waiting for the relay to end. */
    pid_t (*parent)(void);
};

/*
 * Looks up the process `owner` (0: unknown). Call this while pidfd_open(2) is still allowed. `parent` may
 * take its time: we call it only after the first connection has been handed on, so that one does not wait for
 * it.
 */
struct service_owner service_owner_of(pid_t owner, pid_t parent(void));

/*
 * Serves the listener until the owner has gone and its last connection has ended, or until the idle time
 * above has passed, and nobody is left who may be unable to start another (members.h). Then closes the
 * listener before anything else: a later caller gets ECONNREFUSED, and starts another relay.
 */
void service_run(int listener, const struct service_owner *owner);

#endif
