/*
 * Writes to a proxy, by another preload that stands in front of this library (LD_PRELOAD names it first; the
 * command never does, see library_preload()). The library does not see where the program connects to: the
 * request to the proxy tells, and one for a server that the policy guards fails there, with EPERM and a line
 * in the log; nothing of the session has been said then.
 */
#ifndef RETROTLS_PRELOAD_ADOPT_PROXIED_H
#define RETROTLS_PRELOAD_ADOPT_PROXIED_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/uio.h>

/* For WATCHED_PROXY (first_use.h): whether these bytes may be written. False with errno set. */
bool proxied_may_write(int fd, const void *bytes, size_t length);
bool proxied_may_write_pieces(int fd, const struct iovec *pieces, size_t count);

#endif
