/* The TCP connections that a process has made itself, as /proc shows them. */
#ifndef RETROTLS_COMMAND_RUNNING_TCP_SOCKETS_H
#define RETROTLS_COMMAND_RUNNING_TCP_SOCKETS_H

#include <sys/types.h>

#include "wire/wire.h"

/*
 * Calls `each` with the peer of each TCP socket that the process has open and that is connected or
 * connecting, unless its local port is one that somebody listens on, for then the process has accepted it.
 * What retrotls guards is not among them: the relay has those sockets. Returns 0, or an errno if the
 * process's descriptors or its network's tables cannot be read.
 */
int tcp_sockets_each(pid_t pid, void (*each)(void *context, const struct wire_address *peer), void *context);

#endif
