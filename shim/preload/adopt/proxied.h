/*
 * Checks writes to a proxy, if a proxy's preload comes before this library (LD_PRELOAD names it first; the
 * command never does that, see library_preload()). Then connect() does not show us the server, but the
 * request to the proxy does. If the policy demands TLS for that server, the write of the request fails with
 * EPERM and a line in the log, before the session has begun.
 */
#ifndef RETROTLS_PRELOAD_ADOPT_PROXIED_H
#define RETROTLS_PRELOAD_ADOPT_PROXIED_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/uio.h>

/* For FIRST_USE_PROXY (first_use.h): whether the program may write these bytes. False with errno set. */
bool proxied_may_write(int fd, const void *bytes, size_t length);
bool proxied_may_write_pieces(int fd, const struct iovec *pieces, size_t count);

#endif
