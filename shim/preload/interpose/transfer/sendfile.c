/* sendfile(2), splice(2), pwritev2(2): what sendmsg(2) cannot do on a switched descriptor. */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/sendfile.h>
#include <sys/uio.h>

#include "preload/adopt/fd_permit.h"
#include "preload/guard/pair.h"
#include "preload/guard/program_end.h"
#include "preload/libc/io.h"
#include "preload/sys/export.h"

/* The most that one call moves (sendfile(2), NOTES): programs keep its result in an int. */
enum { TRANSFER_LIMIT = 0x7ffff000 };

/* A transfer, in as many calls as it takes. Into a program's end it goes in pieces (pair.h). */
struct transfer {
    size_t left, piece;
    ssize_t moved; /* the program's result; -1 with errno */
    int before;    /* errno */
};

static bool transfer_begin(struct transfer *t, int to, int from, size_t count)
{
    bool switched;

    *t = (struct transfer){.left = count, .piece = count, .moved = -1, .before = errno};
    if (!fd_permits_read(from) || !fd_permits_write_to(to, &switched))
        return false;
    if (switched && count > TRANSFER_LIMIT)
        t->left = TRANSFER_LIMIT;
    if (switched && count > PAIR_PIECE)
        t->piece = PAIR_PIECE;
    t->moved = 0;
    return true;
}

/*
 * A call has moved `n` bytes, or failed. Returns whether to go on, with `piece` more. As in the kernel, bytes
 * that were moved count more than the error that stopped the rest.
 */
static bool transfer_goes_on(struct transfer *t, ssize_t n)
{
    const bool whole = n >= 0 && (size_t)n == t->piece;

    if (n < 0 && t->moved == 0)
        t->moved = -1;
    else if (n < 0)
        errno = t->before;
    else
        t->moved += n;
    if (!whole)
        return false;
    t->left -= t->piece;
    if (t->piece > t->left)
        t->piece = t->left;
    return t->left > 0;
}

EXPORTED ssize_t sendfile(int to, int from, off_t *offset, size_t count)
{
    struct transfer t;

    if (transfer_begin(&t, to, from, count)) {
        while (transfer_goes_on(&t, io.sendfile(to, from, offset, t.piece)))
            ;
    }
    return t.moved;
}

EXPORTED ssize_t sendfile64(int to, int from, int64_t *offset, size_t count)
{
    struct transfer t;

    if (transfer_begin(&t, to, from, count)) {
        while (transfer_goes_on(&t, io.sendfile64(to, from, offset, t.piece)))
            ;
    }
    return t.moved;
}

EXPORTED ssize_t splice(int from, int64_t *from_offset, int to, int64_t *to_offset, size_t count,
                        unsigned flags)
{
    struct transfer t;

    if (!transfer_begin(&t, to, from, count))
        return -1;
    /* As one call of the kernel: wait for the first bytes in the pipe, then take only what is there. */
    while (transfer_goes_on(&t, io.splice(from, from_offset, to, to_offset, t.piece, flags)))
        flags |= SPLICE_F_NONBLOCK;
    return program_end_received(from, t.moved);
}

/* With the offset -1 these are writev(2); with any other they have nothing to do with sockets. */
EXPORTED ssize_t pwritev2(int fd, const struct iovec *pieces, int count, off_t offset, int flags)
{
    if (!fd_permits_write(fd))
        return -1;
    if (io.pwritev2)
        return io.pwritev2(fd, pieces, count, offset, flags);
    errno = ENOSYS;
    return -1;
}

EXPORTED ssize_t pwritev64v2(int fd, const struct iovec *pieces, int count, int64_t offset, int flags)
{
    if (!fd_permits_write(fd))
        return -1;
    if (io.pwritev64v2)
        return io.pwritev64v2(fd, pieces, count, offset, flags);
    errno = ENOSYS;
    return -1;
}
