/* connect(2), for other calls that connect. */
#ifndef RETROTLS_PRELOAD_CONNECT_H
#define RETROTLS_PRELOAD_CONNECT_H

#include <stdbool.h>
#include <sys/socket.h>

/*
 * Whether connect() of `fd` to that address is one that the policy may guard: an unconnected TCP socket, a
 * port of the policy's. Keeps errno.
 */
/* Finds out whether another preload's connect() stands in front. For the constructor. */
void connect_start(void);
bool connect_is_behind(void);

bool connect_is_guarded(int fd, const struct sockaddr *address, socklen_t length);

#endif
