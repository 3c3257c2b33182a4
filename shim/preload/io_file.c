/* sendfile(2), splice(2), pwritev2(2): what cannot be done by sendmsg(2) on a switched descriptor. */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/sendfile.h>
#include <sys/uio.h>

#include "preload/end.h"
#include "preload/export.h"
#include "preload/io.h"
#include "preload/may.h"

EXPORTED ssize_t sendfile(int to, int from, off_t *offset, size_t count)
{
    return may_write(to) && may_read(from) ? io.sendfile(to, from, offset, count) : -1;
}

EXPORTED ssize_t sendfile64(int to, int from, int64_t *offset, size_t count)
{
    return may_write(to) && may_read(from) ? io.sendfile64(to, from, offset, count) : -1;
}

EXPORTED ssize_t splice(int from, int64_t *from_offset, int to, int64_t *to_offset, size_t count,
                        unsigned flags)
{
    if (!may_read(from) || !may_write(to))
        return -1;
    return end_received(from, io.splice(from, from_offset, to, to_offset, count, flags));
}

/* With the offset -1 these are writev(2); with another they have nothing to do with sockets. */
EXPORTED ssize_t pwritev2(int fd, const struct iovec *pieces, int count, off_t offset, int flags)
{
    if (!may_write(fd))
        return -1;
    if (io.pwritev2)
        return io.pwritev2(fd, pieces, count, offset, flags);
    errno = ENOSYS;
    return -1;
}

EXPORTED ssize_t pwritev64v2(int fd, const struct iovec *pieces, int count, int64_t offset, int flags)
{
    if (!may_write(fd))
        return -1;
    if (io.pwritev64v2)
        return io.pwritev64v2(fd, pieces, count, offset, flags);
    errno = ENOSYS;
    return -1;
}
