/* write(2), writev(2). */
#include <stddef.h>
#include <sys/uio.h>

#include "preload/adopt/first_use.h"
#include "preload/adopt/proxied.h"
#include "preload/guard/program_end.h"
#include "preload/libc/io.h"
#include "preload/sys/export.h"

static APART ssize_t watched_write(int fd, const void *bytes, size_t size)
{
    switch (first_use(fd, FIRST_USE_WRITE, 0)) {
    case FIRST_USE_PLAIN:
        return io.write(fd, bytes, size);
    case FIRST_USE_SWITCHED:
        return program_end_write(fd, bytes, size);
    case FIRST_USE_PROXY:
        return proxied_may_write(fd, bytes, size) ? io.write(fd, bytes, size) : -1;
    default:
        return -1;
    }
}

EXPORTED ssize_t write(int fd, const void *bytes, size_t size)
{
    return fd_state_is_plain(fd) ? io.write(fd, bytes, size) : watched_write(fd, bytes, size);
}

EXPORTED ssize_t __write(int fd, const void *bytes, size_t size) __attribute__((alias("write")));

EXPORTED ssize_t writev(int fd, const struct iovec *pieces, int count)
{
    if (fd_state_is_plain(fd))
        return io.writev(fd, pieces, count);
    switch (first_use(fd, FIRST_USE_WRITE, 0)) {
    case FIRST_USE_PLAIN:
        return io.writev(fd, pieces, count);
    case FIRST_USE_SWITCHED:
        return program_end_writev(fd, pieces, count);
    case FIRST_USE_PROXY:
        if (count < 0 || !proxied_may_write_pieces(fd, pieces, (size_t)count))
            return -1;
        return io.writev(fd, pieces, count);
    default:
        return -1;
    }
}
