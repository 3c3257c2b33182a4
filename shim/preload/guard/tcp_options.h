/*
 * The options of a TCP socket that is not connected yet: carried to another one, so that a connection made
 * there is the one that the program asked for.
 *
 * There are some eighty, and few programs set more than two or three. So setsockopt(2) notes which ones the
 * process has ever set on any socket, and the kernel is asked about those alone. What decides the network
 * that packets take (SO_MARK, SO_BINDTODEVICE) is asked about always, and all are once the process has got an
 * unconnected TCP socket from another one.
 */
#ifndef RETROTLS_PRELOAD_GUARD_TCP_OPTIONS_H
#define RETROTLS_PRELOAD_GUARD_TCP_OPTIONS_H

#include <stdbool.h>

/* The program has set this option. Never fails; safe in a signal handler. */
void tcp_options_note(int level, int name);
/* Options may have been set that nobody has noted. */
void tcp_options_note_all(void);

/*
 * Gives the socket `to` the options of `fd`; both are unconnected TCP sockets of the family. False with errno
 * and `*what` naming the option where one that the connection's safety or its way through the network may
 * rest on cannot be carried; any other is left out then. What switch_carry() carries is not touched.
 */
bool tcp_options_carry(int fd, int to, int family, const char **what);

/*
 * For a socket that is lost, with its options: one of those that may have been set on it, and without which
 * a connection must not be made; NULL where there is none.
 */
const char *tcp_options_lost(int family);

#endif
