/*
 * The program's TCP socket whose guarded connection was made on a copy (tcp_copy.h). In the process that
 * called connect() no number refers to it any more. Another one that shares it, a child forked before, cannot
 * speak on it; it is told why (first_use.h), and sees how the connection stands.
 *
 * The SO_COOKIE of the program's end is kept in the socket itself, as its TCP_FASTOPEN_KEY (Linux 4.15),
 * which any socket keeps and which means nothing but to one that listens; tried on Linux 6.18 with TCP and
 * MPTCP.
 */
#ifndef RETROTLS_PRELOAD_GUARD_REPLACED_H
#define RETROTLS_PRELOAD_GUARD_REPLACED_H

#include <stdbool.h>
#include <stdint.h>

/* What the kernel cannot keep is not noted. */
void replaced_set(int fd, uint64_t cookie);
/* Keeps errno. */
bool replaced_is(int fd);

/*
 * The state of the connection that was made instead: TCP_SYN_SENT, TCP_ESTABLISHED until the program's end is
 * closed everywhere, TCP_CLOSE; told by /proc/net/unix (proc(5)), which has the names of both ends
 * (identity.h). TCP_CLOSE too of any other socket. Keeps errno.
 */
int replaced_state(int fd);

#endif
