/*
 * Whether a descriptor may be read from or written to, for calls that leave the rest to libc or to the
 * kernel: sendfile(2), splice(2), dprintf(3), aio_write(3), ... False with errno set where it may not.
 */
#ifndef RETROTLS_PRELOAD_ADOPT_FD_PERMIT_H
#define RETROTLS_PRELOAD_ADOPT_FD_PERMIT_H

#include <stdbool.h>

bool fd_permits_read(int fd);
/* An error of the connection that is to be told before the next write is told (program_end.h). */
bool fd_permits_write(int fd);
/* Likewise; `*switched`: it is a program's end (a hint, as in fd_state.h). */
bool fd_permits_write_to(int fd, bool *switched);

#endif
