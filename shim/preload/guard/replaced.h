/*
 * A TCP socket of the program whose guarded connection was made on a copy (tcp_copy.h). In the process that
 * called connect() no number refers to it any more. Another process that shares the socket, a child forked
 * earlier, cannot send or receive on it. The library logs why (first_use.h) and shows that process the state
 * of the connection.
 *
 * The socket itself stores the SO_COOKIE of the program's end, as its TCP_FASTOPEN_KEY (Linux 4.15). Any
 * socket keeps that option, and only a listening one uses it. Tried on Linux 6.18 with TCP and MPTCP.
 */
#ifndef RETROTLS_PRELOAD_GUARD_REPLACED_H
#define RETROTLS_PRELOAD_GUARD_REPLACED_H

#include <stdbool.h>
#include <stdint.h>

/* Does nothing if the kernel cannot keep the cookie. */
void replaced_set(int fd, uint64_t cookie);
/* Keeps errno. */
bool replaced_is(int fd);

/*
 * The state of the connection that was made on the copy: TCP_SYN_SENT, TCP_ESTABLISHED until the program's
 * end is closed everywhere, or TCP_CLOSE. It comes from /proc/net/unix (proc(5)), which shows the names of
 * both ends (identity.h). TCP_CLOSE for any other socket. Keeps errno.
 */
int replaced_state(int fd);

#endif
