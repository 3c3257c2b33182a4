/*
 * connect(2) of a TCP socket to a destination that the policy may guard, and of a descriptor that is switched
 * already. Runs in a thread of its own (call.h).
 *
 * The order: copy the address, get the socket, decide, get relay and pair, make the connection on a second
 * socket (tcp_copy.h), hand it over, switch the program's numbers, answer. The program's own socket is never
 * connected, so whatever interrupts this leaves it nothing that leads to the server.
 */
#ifndef RETROTLS_SUPERVISE_SERVED_CONNECT_H
#define RETROTLS_SUPERVISE_SERVED_CONNECT_H

#include "supervise/call.h"

void served_connect(struct call *call);

#endif
