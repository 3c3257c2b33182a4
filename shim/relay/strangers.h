/*
 * Requests of other users' processes, in threads of their own. What a stranger sends may be a socket that he
 * has told to wait when it is closed (SO_LINGER), or a file of a file system of his (FUSE), and the last one
 * to close it waits as long as he likes: also whoever closes a connection on which it stands unread, or of
 * which it is the rest that no message has. The loop that serves the program must not.
 */
#ifndef RETROTLS_RELAY_STRANGERS_H
#define RETROTLS_RELAY_STRANGERS_H

#include <stdbool.h>

enum {
    STRANGERS_THREADS = 32,    /* at once, in which a stranger can make them wait */
    STRANGERS_QUEUE = 512,     /* requests that wait for one of them */
    STRANGERS_PATIENCE = 3000, /* ms that a request waits for one: by then all of them are stuck */
    STRANGERS_PRESENCE = 2000, /* ms for which a request counts as being served */
};

/*
 * Serves what has come on `connection`, if anything has, and closes it: takes it over. False where there is
 * no thread, or all are stuck; `connection` is the caller's then, who must not close it.
 */
bool strangers_serve(int connection);

/* Whether such a request may still be being served. */
bool strangers_are_served(void);

#endif
