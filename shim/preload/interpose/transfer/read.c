/* read(2), readv(2), preadv2(2). */
#include <errno.h>
#include <stddef.h>
#include <sys/uio.h>

#include "preload/adopt/first_use.h"
#include "preload/guard/program_end.h"
#include "preload/libc/io.h"
#include "preload/sys/export.h"

static APART ssize_t watched_read(int fd, void *buffer, size_t size)
{
    switch (first_use(fd, FIRST_USE_READ, 0)) {
    case FIRST_USE_PLAIN:
    case FIRST_USE_PROXY:
        return io.read(fd, buffer, size);
    case FIRST_USE_SWITCHED:
        return program_end_received(fd, io.read(fd, buffer, size));
    default:
        return -1;
    }
}

EXPORTED ssize_t read(int fd, void *buffer, size_t size)
{
    return fd_state_is_plain(fd) ? io.read(fd, buffer, size) : watched_read(fd, buffer, size);
}

EXPORTED ssize_t __read(int fd, void *buffer, size_t size) __attribute__((alias("read")));

/* glibc's, for programs built with _FORTIFY_SOURCE: ends the program if `size` is more than `room`. */
EXPORTED ssize_t __read_chk(int fd, void *buffer, size_t size, size_t room);
EXPORTED ssize_t __read_chk(int fd, void *buffer, size_t size, size_t room)
{
    if (size > room && (io_ready(), io.read_chk))
        return io.read_chk(fd, buffer, size, room);
    return read(fd, buffer, size);
}

EXPORTED ssize_t readv(int fd, const struct iovec *pieces, int count)
{
    if (fd_state_is_plain(fd))
        return io.readv(fd, pieces, count);
    switch (first_use(fd, FIRST_USE_READ, 0)) {
    case FIRST_USE_PLAIN:
    case FIRST_USE_PROXY:
        return io.readv(fd, pieces, count);
    case FIRST_USE_SWITCHED:
        return program_end_received(fd, io.readv(fd, pieces, count));
    default:
        return -1;
    }
}

/* With the offset -1 these are readv(2); with any other they have nothing to do with sockets. */
EXPORTED ssize_t preadv2(int fd, const struct iovec *pieces, int count, off_t offset, int flags)
{
    io_ready();
    if (!fd_state_is_plain(fd) && first_use(fd, FIRST_USE_READ, 0) == FIRST_USE_REFUSED)
        return -1;
    if (io.preadv2)
        return program_end_received(fd, io.preadv2(fd, pieces, count, offset, flags));
    errno = ENOSYS;
    return -1;
}

EXPORTED ssize_t preadv64v2(int fd, const struct iovec *pieces, int count, int64_t offset, int flags)
{
    io_ready();
    if (!fd_state_is_plain(fd) && first_use(fd, FIRST_USE_READ, 0) == FIRST_USE_REFUSED)
        return -1;
    if (io.preadv64v2)
        return program_end_received(fd, io.preadv64v2(fd, pieces, count, offset, flags));
    errno = ENOSYS;
    return -1;
}
