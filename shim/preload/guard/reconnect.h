/* connect(2) on a descriptor that has been switched already. */
#ifndef RETROTLS_PRELOAD_GUARD_RECONNECT_H
#define RETROTLS_PRELOAD_GUARD_RECONNECT_H

#include <stdbool.h>

#include "preload/descriptor/identity.h"

/*
 * What a TCP socket would say: EALREADY while pending (or, on a blocking descriptor, waits), 0 once, then
 * EISCONN; the error once. Returns true where that is the answer, with `*result` and errno set; false where
 * the attempt has failed and been told, and `fd` is now a fresh TCP socket to be connected as any other.
 */
bool reconnect(int fd, const struct identity *id, int *result);

/*
 * connect() to AF_UNSPEC: `fd` becomes an unconnected TCP socket. 0, or -1 with errno set: ENETUNREACH where
 * the relay was killed, and with it went options of the socket without which it must not be connected.
 */
int reconnect_dissolve(int fd, const struct identity *id);

#endif
