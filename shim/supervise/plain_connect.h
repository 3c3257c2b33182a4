/*
 * connect(2) of a TCP socket that the policy leaves alone. The kernel must not read the address from the
 * program's memory again, or look up the descriptor again. Another thread may have changed the address to
 * that of a guarded server, or put an unconnected socket under the number. So we begin the connection
 * ourselves, with our copy of the address, and wait for it here.
 */
#ifndef RETROTLS_SUPERVISE_PLAIN_CONNECT_H
#define RETROTLS_SUPERVISE_PLAIN_CONNECT_H

#include <stdbool.h>
#include <sys/socket.h>

#include "supervise/call.h"

/*
 * Begins to connect `fd`, our descriptor for the program's socket. Returns 0 or the errno of a nonblocking
 * connect(2).
 */
int plain_connect_begin(int fd, const struct sockaddr_storage *address, socklen_t length);

/* True if the program's call must wait for what plain_connect_begin() returned. */
bool plain_connect_waits(int fd, int error);

/*
 * Returns the state of the connection that we began for this waiting call: 0 if it is made, call->begun while
 * it is in progress, or the errno that it failed with.
 */
int plain_connect_outcome(const struct call *call);

/* Waits for the outcome, for a signal, or for SO_SNDTIMEO to expire, then answers the call. */
void plain_connect_await(struct call *call);

#endif
