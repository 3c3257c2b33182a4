/*
 * Bytes into and out of a program's end, where a UNIX socket says other than TCP does. The descriptor is one
 * by a hint (fd_state.h): where it is none, each call does what the real one would.
 */
#ifndef RETROTLS_PRELOAD_DESCRIPTOR_PROGRAM_END_H
#define RETROTLS_PRELOAD_DESCRIPTOR_PROGRAM_END_H

#include <stdbool.h>
#include <sys/socket.h>
#include <sys/types.h>

/*
 * The error of the connection: where `error` is ECONNRESET, which is all that the pair knows, why connect()
 * failed, by the relay's name, or with what TCP broke, which the relay tells (ETIMEDOUT).
 */
int program_end_error(int fd, int error);

/*
 * What a read that ended with `result` (and errno) has to say: why it failed, once, where the pair
 * only tells that its other end has gone.
 */
ssize_t program_end_received(int fd, ssize_t result);

/*
 * write(2), writev(2) and send(2). An error of the connection is told first, once and without SIGPIPE, as TCP
 * does (net/core/stream.c, sk_stream_error()); a UNIX socket says EPIPE at once.
 */
ssize_t program_end_write(int fd, const void *bytes, size_t count);
ssize_t program_end_writev(int fd, const struct iovec *pieces, int count);
ssize_t program_end_send(int fd, const void *bytes, size_t count, int flags);
ssize_t program_end_sendmsg(int fd, const struct msghdr *message, int flags);

/*
 * An error of the connection that is to be told before the next write, for sendfile(2) and splice(2), which
 * cannot be made not to raise SIGPIPE: false with errno set.
 */
bool program_end_may_be_written(int fd);

#endif
