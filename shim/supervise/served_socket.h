/*
 * The calls that would show a switched descriptor to be a UNIX socket, and those that must reach the TCP
 * socket behind it: names, options, shutdown(2), ioctl(2), and sendto(2) with an address. The library's own
 * functions give the answers (shim/preload/interpose). Runs in a thread of its own (call.h).
 */
#ifndef RETROTLS_SUPERVISE_SERVED_SOCKET_H
#define RETROTLS_SUPERVISE_SERVED_SOCKET_H

#include "supervise/call.h"

void served_socket(struct call *call);

#endif
