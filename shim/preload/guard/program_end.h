/*
 * Moves bytes into and out of a program's end where a UNIX socket behaves differently from TCP. That the
 * descriptor is a program's end is only a hint (fd_state.h). If it is not, each call does what the real one
 * would.
 */
#ifndef RETROTLS_PRELOAD_GUARD_PROGRAM_END_H
#define RETROTLS_PRELOAD_GUARD_PROGRAM_END_H

#include <stdbool.h>
#include <sys/socket.h>
#include <sys/types.h>

/*
 * The error of the connection, for an `error` that the pair gave. The pair knows only ECONNRESET. For that,
 * returns why connect() failed, from the name of the relay's end, or what broke TCP (ETIMEDOUT), which the
 * relay reports. Returns any other `error` unchanged.
 */
int program_end_error(int fd, int error);

/*
 * Returns the `result` of a read. If the read failed because the pair's other end is gone, sets errno to why
 * the connection failed; that error is reported once.
 */
ssize_t program_end_received(int fd, ssize_t result);

/*
 * write(2), writev(2) and send(2). An error of the connection is reported first, once and without SIGPIPE, as
 * TCP does (net/core/stream.c, sk_stream_error()). A UNIX socket says EPIPE at once.
 */
ssize_t program_end_write(int fd, const void *bytes, size_t count);
ssize_t program_end_writev(int fd, const struct iovec *pieces, int count);
ssize_t program_end_send(int fd, const void *bytes, size_t count, int flags);
ssize_t program_end_sendmsg(int fd, const struct msghdr *message, int flags);

/*
 * For sendfile(2) and splice(2), which cannot be kept from raising SIGPIPE. Returns false with errno set if
 * an error of the connection must be reported before the next write.
 */
bool program_end_may_be_written(int fd);

#endif
