/*
 * Copies the options of an unconnected TCP socket to another one, so that a connection made there is the one
 * that the program asked for.
 *
 * There are some eighty options, and few programs set more than two or three. So setsockopt(2) notes which
 * ones the process has ever set on any socket, and we ask the kernel only about those. We always ask about
 * those that decide which network the packets take (SO_MARK, SO_BINDTODEVICE). We ask about all of them once
 * the process has got an unconnected TCP socket from another process.
 */
#ifndef RETROTLS_PRELOAD_GUARD_TCP_OPTIONS_H
#define RETROTLS_PRELOAD_GUARD_TCP_OPTIONS_H

#include <stdbool.h>

/* Notes that the program has set this option. Never fails; safe in a signal handler. */
void tcp_options_note(int level, int name);
/* Call this if options may have been set that nobody has noted. */
void tcp_options_note_all(void);

/*
 * Gives the socket `to` the options of `fd`; both are unconnected TCP sockets of that family. Returns false,
 * with errno set and `*what` naming the option, if it cannot carry one that the connection's safety or its
 * way through the network may depend on. It leaves out any other that it cannot carry. Does not touch what
 * switch_carry() carries.
 */
bool tcp_options_carry(int fd, int to, int family, const char **what);

/*
 * For a socket that is lost together with its options: names one that may have been set and without which a
 * connection must not be made; NULL if there is none.
 */
const char *tcp_options_lost(int family);

#endif
