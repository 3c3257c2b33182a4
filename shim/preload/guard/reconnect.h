/* connect(2) on a descriptor that has been switched already. */
#ifndef RETROTLS_PRELOAD_GUARD_RECONNECT_H
#define RETROTLS_PRELOAD_GUARD_RECONNECT_H

#include <stdbool.h>

#include "preload/descriptor/identity.h"

/*
 * Answers as a TCP socket would. Pending: EALREADY or, on a blocking descriptor, wait for the outcome.
 * Connected: 0 once, then EISCONN. Failed: the error, once. Returns true, with `*result` and errno set, if
 * that is the answer. Returns false if the attempt has failed and its error was reported before: `fd` is now
 * a fresh TCP socket, to be connected like any other.
 */
bool reconnect(int fd, const struct identity *id, int *result);

/*
 * connect() to AF_UNSPEC: makes `fd` an unconnected TCP socket. Returns 0, or -1 with errno set. ENETUNREACH
 * means that the relay was killed and the socket's options were lost with it, among them one without which it
 * must not be connected.
 */
int reconnect_dissolve(int fd, const struct identity *id);

/* SO_SNDTIMEO of `fd` in milliseconds, -1 if there is none. */
int reconnect_timeout(int fd);

#endif
