/*
 * Which connections a policy may guard. We ask this before we decide anything; the answer is true if we do
 * not know. Each keeps errno unless it says otherwise.
 */
#ifndef RETROTLS_PRELOAD_GUARD_GUARDABLE_H
#define RETROTLS_PRELOAD_GUARD_GUARDABLE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

/* True also if the policy cannot be loaded now: a TCP socket is then not connected. Other sockets are. */
bool guardable_port(uint16_t port);

/*
 * True if `fd` is a TCP socket of that family, or may be one: a sandbox of the program's own may forbid
 * getsockopt(2), and we never leave a connection alone because we know nothing about it. An SMC socket
 * counts, because a TCP connection takes its place. Changes errno.
 */
bool guardable_socket(int fd, int family);

/* Both, for the address that a program passes. */
bool guardable(int fd, const struct sockaddr *address, socklen_t length);

/*
 * Call this after the kernel's own connect() has returned `result` for a destination that no policy guards.
 * Notes what that means for read and write. Returns `result`, with its errno.
 */
int note_unguarded(int fd, int result);

#endif
