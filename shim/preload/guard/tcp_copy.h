/*
 * Makes a second TCP socket like the program's, to make the guarded connection on.
 *
 * The program's own socket is never connected to a guarded server. A splice(2) that another thread began
 * before connect(2) uses that socket until it ends, and so does a child forked earlier, whatever the
 * program's numbers refer to by then. What they send must fail (EPIPE: net/ipv4/tcp.c, tcp_sendmsg();
 * net/core/stream.c, sk_stream_wait_connect()) and never reach the server in the clear.
 */
#ifndef RETROTLS_PRELOAD_GUARD_TCP_COPY_H
#define RETROTLS_PRELOAD_GUARD_TCP_COPY_H

/*
 * Makes an unconnected socket with the options of `fd` (tcp_options.h), bound as `fd` is. `fd` is an
 * unconnected TCP socket of that family and stays as it is. `beside` is a copy that was made before, and may
 * be connecting, or -1: both copies must be bound to one port, if `fd` is bound to one. Returns the new
 * socket, nonblocking and close-on-exec, or -1 with errno set and `*what` naming what failed.
 */
int tcp_copy(int fd, int beside, int family, const char **what);

#endif
