/* The TCP connections of retrotls-check. */
#ifndef RETROTLS_CHECK_TCP_H
#define RETROTLS_CHECK_TCP_H

#include <stdbool.h>

#include "wire/settings.h"
#include "wire/wire.h"

/*
 * Connects within `milliseconds`. Returns 0 and the nonblocking socket in `*fd`, or an errno with -1 in
 * `*fd`.
 */
int tcp_connect(const struct wire_address *target, int milliseconds, int *fd);

/* True if data, or the end of the stream, arrives within `milliseconds`. */
bool tcp_speaks(int fd, int milliseconds);

/*
 * Returns the protocol that the library would see in the server's greeting on a port that no rule names
 * (libretrotls(7)). PROTOCOL_AUTO if the greeting shows none, or does not arrive within `milliseconds`. Reads
 * nothing from the socket.
 */
enum protocol_kind tcp_greeting(int fd, int milliseconds);

#endif
