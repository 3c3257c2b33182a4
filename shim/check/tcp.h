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

/*
 * The same with an alternative, which begins when the target has failed or was silent for a while
 * (relay/race/race.h). Sets `*error` to what became of the target, and `*other_error` to what became of the
 * alternative: 0, an errno, or -1 if it was not tried. Returns true if one of the two is connected; it is the
 * target unless `*error` is not 0.
 */
bool tcp_connect_either(const struct wire_address *target, const struct wire_address *alternative,
                        int milliseconds, int *fd, int *error, int *other_error);

/* True if data, or the end of the stream, arrives within `milliseconds`. */
bool tcp_speaks(int fd, int milliseconds);

/*
 * Returns the protocol that the library would see in the server's greeting on a port that no rule names
 * (libretrotls(7)). PROTOCOL_AUTO if the greeting shows none, or does not arrive within `milliseconds`. Reads
 * nothing from the socket.
 */
enum protocol_kind tcp_greeting(int fd, int milliseconds);

#endif
