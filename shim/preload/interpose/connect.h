/* Parts of connect(2) for other calls that connect. */
#ifndef RETROTLS_PRELOAD_INTERPOSE_CONNECT_H
#define RETROTLS_PRELOAD_INTERPOSE_CONNECT_H

#include <stdbool.h>
#include <sys/socket.h>

/* Finds out whether another preload's connect() comes before ours. For the constructor. */
void connect_start(void);
bool connect_is_behind(void);

/* True if `fd` is a TCP socket and the policy may guard connections to the address. Keeps errno. */
bool connect_is_guarded(int fd, const struct sockaddr *address, socklen_t length);

/*
 * Call this after the kernel's own connect() has returned `result` for a destination that no policy guards.
 * Notes what that means for read and write. Returns `result`, with its errno.
 */
int connect_tell_watch(int fd, int result);

#endif
