/*
 * Reports the relay's connections to its own user and to root.
 */
#ifndef RETROTLS_RELAY_STATUS_H
#define RETROTLS_RELAY_STATUS_H

enum {
    STATUS_LIMIT = 4 << 20, /* bytes of one answer: enough for every connection at its limit */
    STATUS_PATIENCE = 5,    /* seconds that a reader may go without reading */
    STATUS_ANSWERS = 4,     /* sent at the same time; further requests get EAGAIN */
};

/*
 * Answers a WIRE_STATUS request on `connection` from a thread of its own, so that a slow reader blocks
 * nobody. Returns 0, or the error to reply instead. `connection` stays the caller's, who may close it.
 */
int status_send(int connection);

#endif
