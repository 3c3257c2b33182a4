/*
 * The relay's main loop: takes requests, and ends when nobody needs it any more.
 */
#ifndef RETROTLS_RELAY_SERVICE_H
#define RETROTLS_RELAY_SERVICE_H

#include <sys/types.h>

enum {
    REQUESTS_LIMIT = 512,          /* request connections at once */
    REQUESTS_OF_STRANGERS = 128,   /* of them from another user's processes */
    REQUEST_PATIENCE = 15 * 60000, /* ms that one may stay silent: a connect() takes that long at most */
    IDLE_WITH_OWNER = 60000, /* ms without a connection after which it ends in any case, twice that at most */
    IDLE_WITHOUT_OWNER = 2000, /* ... where it cannot know when the owner ends, or the owner waits for it */
};

/*
 * Serves the listener until the owner has gone and its last connection has ended, or as long as the idle
 * times above say. The listener is closed then, before anything else is given up: whoever comes after gets
 * ECONNREFUSED and starts a relay of its own.
 */
void service_run(int listener, pid_t owner);

#endif
