/*
 * Tells the relay's own user, and root, which connections there are.
 */
#ifndef RETROTLS_RELAY_STATUS_H
#define RETROTLS_RELAY_STATUS_H

enum {
    STATUS_LIMIT = 4 << 20, /* bytes of one answer: all connections at their limit */
    STATUS_PATIENCE = 5,    /* s until who asks must have read some of it */
    STATUS_ANSWERS = 4,     /* that are being sent at a time; further ones get EAGAIN */
};

/*
 * Answers a WIRE_STATUS request on `connection` from a thread of its own, so that one who does not read keeps
 * nobody waiting. Returns 0, or the error to reply instead. `connection` stays the caller's, who may close
 * it.
 */
int status_tell(int connection);

#endif
