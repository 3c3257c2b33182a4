/* TCP connections of retrotls-check. */
#ifndef RETROTLS_CHECK_TCP_H
#define RETROTLS_CHECK_TCP_H

#include <stdbool.h>

#include "wire/settings.h"
#include "wire/wire.h"

/* Connects within `milliseconds`. 0 and the nonblocking socket in `*fd`, or an errno and -1 there. */
int tcp_connect(const struct wire_address *target, int milliseconds, int *fd);

/* Whether there is something to read, or the end, within `milliseconds`. */
bool tcp_speaks(int fd, int milliseconds);

/*
 * The protocol that the server's greeting shows to the library, which looks at one on a port that no rule
 * names (libretrotls(7)); PROTOCOL_AUTO where it shows none, or none comes within `milliseconds`. Reads
 * nothing.
 */
enum protocol_kind tcp_greeting(int fd, int milliseconds);

#endif
