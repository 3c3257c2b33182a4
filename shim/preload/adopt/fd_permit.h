/*
 * Whether the program may read from or write to a descriptor, for calls that leave the rest to libc or the
 * kernel: sendfile(2), splice(2), dprintf(3), aio_write(3), ... False with errno set if it may not.
 */
#ifndef RETROTLS_PRELOAD_ADOPT_FD_PERMIT_H
#define RETROTLS_PRELOAD_ADOPT_FD_PERMIT_H

#include <stdbool.h>

bool fd_permits_read(int fd);
/* Also false if the connection has an error that the next write must report (program_end.h). */
bool fd_permits_write(int fd);
/* The same. Sets `*switched` if `fd` is a program's end (a hint, as in fd_state.h). */
bool fd_permits_write_to(int fd, bool *switched);

#endif
