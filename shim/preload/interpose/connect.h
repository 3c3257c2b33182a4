/* connect(2), for other calls that connect. */
#ifndef RETROTLS_PRELOAD_INTERPOSE_CONNECT_H
#define RETROTLS_PRELOAD_INTERPOSE_CONNECT_H

#include <stdbool.h>
#include <sys/socket.h>

/* Finds out whether another preload's connect() stands in front. For the constructor. */
void connect_start(void);
bool connect_is_behind(void);

/* Whether `fd` is a TCP socket and the address one whose connections the policy may guard. Keeps errno. */
bool connect_is_guarded(int fd, const struct sockaddr *address, socklen_t length);

/*
 * The kernel's own connect() has returned `result` to a destination that no policy guards: notes what that
 * means for read and write. Returns `result`, with its errno.
 */
int connect_tell_watch(int fd, int result);

#endif
