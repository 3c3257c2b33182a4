/*
 * connect(2) to a destination that the policy may guard. It reports how TCP went; the greeting reports TLS.
 */
#ifndef RETROTLS_PRELOAD_GUARD_GUARDED_CONNECT_H
#define RETROTLS_PRELOAD_GUARD_GUARDED_CONNECT_H

#include <stdbool.h>
#include <sys/socket.h>

#include "preload/guard/guard.h"
#include "wire/wire.h"

/*
 * Connects a TCP socket (guardable.h). `address` is the library's own copy, `asked` is the same address, and
 * `frame` is the frame of the program's call (slots.h). Returns true with `*result` and errno as the program
 * should get them. Returns false if another thread has connected the same socket meanwhile: `fd` is now a
 * switched descriptor.
 */
bool guarded_connect(int fd, const struct sockaddr_storage *address, socklen_t length,
                     const struct wire_address *asked, const void *frame, int *result);

/*
 * The same for another process. The calling thread has the program's socket open, under the numbers that the
 * program has for it, and switches its own numbers. It never waits for TCP: if the connection is pending, the
 * result is -1 with EINPROGRESS, also for a blocking socket.
 */
bool guarded_connect_for(const struct guard_client *client, int fd, const struct sockaddr_storage *address,
                         socklen_t length, const struct wire_address *asked, int *result);

#endif
