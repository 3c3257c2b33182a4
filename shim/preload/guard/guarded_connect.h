/*
 * connect(2) to a destination that the policy may guard. It tells the truth about TCP; how TLS went, the
 * greeting tells.
 */
#ifndef RETROTLS_PRELOAD_GUARD_GUARDED_CONNECT_H
#define RETROTLS_PRELOAD_GUARD_GUARDED_CONNECT_H

#include <stdbool.h>
#include <sys/socket.h>

#include "wire/wire.h"

/*
 * Whether `fd` is a TCP socket of that family, or may be one: a sandbox of the program's own may forbid to
 * ask (getsockopt(2)), and no connection is left alone because nothing is known of it. An SMC socket counts
 * as one: the connection that takes its place is TCP's.
 */
bool guarded_connect_wants(int fd, int family);

/*
 * connect() of such a socket; `address` is the library's own copy, `asked` the same, `frame` that of the
 * program's call (slots.h). True with `*result` and errno as the program gets them; false where another
 * thread has connected the same socket meanwhile, and `fd` is a switched descriptor now.
 */
bool guarded_connect(int fd, const struct sockaddr_storage *address, socklen_t length,
                     const struct wire_address *asked, const void *frame, int *result);

#endif
