/*
 * connect(2) to a destination that the policy may guard. It reports how TCP went; the greeting reports TLS.
 */
#ifndef RETROTLS_PRELOAD_GUARD_GUARDED_CONNECT_H
#define RETROTLS_PRELOAD_GUARD_GUARDED_CONNECT_H

#include <stdbool.h>
#include <sys/socket.h>

#include "wire/wire.h"

/*
 * True if `fd` is a TCP socket of that family, or may be one: a sandbox of the program's own may forbid
 * getsockopt(2), and we never leave a connection alone because we know nothing about it. An SMC socket
 * counts, because a TCP connection takes its place.
 */
bool guarded_connect_wants(int fd, int family);

/*
 * Connects such a socket. `address` is the library's own copy, `asked` is the same address, and `frame` is
 * the frame of the program's call (slots.h). Returns true with `*result` and errno as the program should get
 * them. Returns false if another thread has connected the same socket meanwhile: `fd` is now a switched
 * descriptor.
 */
bool guarded_connect(int fd, const struct sockaddr_storage *address, socklen_t length,
                     const struct wire_address *asked, const void *frame, int *result);

#endif
