/*
 * Serves the requests of other users' processes in threads of their own.
 *
 * A stranger may send a socket that lingers on close (SO_LINGER), or a file on his own FUSE file system.
 * Whoever closes it last waits for as long as the stranger likes. Closing a connection that still holds it,
 * whether unread or left over after a message was read, waits just the same. The loop that serves the program
 * must never wait like that.
 */
#ifndef RETROTLS_RELAY_STRANGERS_H
#define RETROTLS_RELAY_STRANGERS_H

#include <stdbool.h>

enum {
    STRANGERS_THREADS = 32,    /* at once; a stranger can make each of them wait */
    STRANGERS_QUEUE = 512,     /* requests waiting for a thread */
    STRANGERS_PATIENCE = 3000, /* ms that a request waits for a thread: after that all of them are stuck */
    STRANGERS_PRESENCE = 2000, /* ms for which a request counts as being served */
};

/*
 * Serves the request on `connection`, if one has come, and closes the connection. Returns false if there is
 * no room, no thread, or all are stuck; the caller then keeps `connection`, and must not close it. Never
 * waits.
 */
bool strangers_serve(int connection);
/* False if it is better to ask again in a moment: the queue is full, but the threads may get to it. */
bool strangers_have_room(void);

/* Whether a stranger's request may still be being served. */
bool strangers_are_served(void);

#endif
