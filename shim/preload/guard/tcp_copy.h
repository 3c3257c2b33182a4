/*
 * A second TCP socket like one of the program's, on which a guarded connection is made.
 *
 * The program's own socket is never connected to a guarded server. A splice(2) of another thread that began
 * before connect(2) refers to that socket until it ends, and so does a child that was forked before, whatever
 * the program's numbers refer to by then; what they send must fail (EPIPE: net/ipv4/tcp.c, tcp_sendmsg();
 * net/core/stream.c, sk_stream_wait_connect()) and never reach the server in clear.
 */
#ifndef RETROTLS_PRELOAD_GUARD_TCP_COPY_H
#define RETROTLS_PRELOAD_GUARD_TCP_COPY_H

/*
 * Makes an unconnected socket with the options of `fd` (tcp_options.h) and bound as `fd` is; `fd` is an
 * unconnected TCP socket of the family and stays as it is. Returns it, nonblocking and close-on-exec, or -1
 * with errno and `*what` telling what failed.
 */
int tcp_copy(int fd, int family, const char **what);

#endif
