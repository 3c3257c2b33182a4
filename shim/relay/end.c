#include "relay/end.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>

enum { SMALL = 4096 }; /* up to here two copies cost less than one more system call */

#ifndef SO_PEEK_OFF
#    define SO_PEEK_OFF 42
#endif

/* Discards exactly `count` bytes of the queue, by way of `scratch`. False where it holds less. */
static bool discard_into(int fd, size_t count, void *scratch, size_t size)
{
    while (count > 0) {
        const ssize_t n = recv(fd, scratch, count < size ? count : size, MSG_DONTWAIT);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        explicit_bzero(scratch, (size_t)n); /* the program's password may be among it */
        count -= (size_t)n;
    }
    return true;
}

static bool discard(int fd, size_t count)
{
    uint8_t scratch[SMALL];

    return discard_into(fd, count, scratch, sizeof scratch);
}

bool end_open(struct end *end, int fd, uint32_t filler)
{
    const int one = 1;

    *end = (struct end){.fd = fd, .keeps = true};
    if (filler == 0) {
        errno = EINVAL;
        return false;
    }
    /*
     * From now on MSG_PEEK starts behind the kept byte and goes on where the last one ended; a read moves
     * that position back by what it consumed (socket(7); sk_peek_offset_bwd()).
     */
    return discard(fd, filler - 1) && setsockopt(fd, SOL_SOCKET, SO_PEEK_OFF, &one, sizeof one) == 0;
}

void end_settle(struct end *end)
{
    if (end->owed > 0)
        discard(end->fd, end->owed);
    end->owed = 0;
}

/* One copy: the kept byte and all new ones but the last are consumed, the last is looked at. */
static ssize_t read_bulk(struct end *end, uint8_t *buffer, size_t size)
{
    uint8_t kept;
    struct iovec parts[2] = {{&kept, 1}, {buffer, size - 1}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    const ssize_t n = recvmsg(end->fd, &message, MSG_DONTWAIT);

    if (n != (ssize_t)size || recv(end->fd, buffer + size - 1, 1, MSG_PEEK | MSG_DONTWAIT) != 1) {
        errno = EIO; /* cannot be: FIONREAD promised them, and nobody else reads here */
        return -1;
    }
    return (ssize_t)size;
}

ssize_t end_read(struct end *end, void *buffer, size_t size)
{
    ssize_t n;
    int queued = 0;

    if (!end->keeps)
        return recv(end->fd, buffer, size, MSG_DONTWAIT);
    discard_into(end->fd, end->owed, buffer, size); /* of a bulk in one system call */
    end->owed = 0;
    if (end->bulk && ioctl(end->fd, FIONREAD, &queued) == 0 && queued - 1 > SMALL && size > SMALL) {
        const size_t fresh = (size_t)queued - 1;

        return read_bulk(end, buffer, fresh < size ? fresh : size);
    }
    do
        n = recv(end->fd, buffer, size, MSG_PEEK | MSG_DONTWAIT);
    while (n < 0 && errno == EINTR);
    if (n > 0)
        end->owed = (size_t)n;
    end->bulk = n > SMALL;
    return n;
}

ssize_t end_write(struct end *end, const void *bytes, size_t length)
{
    ssize_t n;

    do
        n = send(end->fd, bytes, length, MSG_DONTWAIT | MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    if (end->owed > 0 && n >= 0)
        end_settle(end);
    return n;
}

bool end_finish(struct end *end)
{
    if (end->keeps) {
        end_settle(end);
        discard(end->fd, 1);
        end->keeps = false;
    }
    return shutdown(end->fd, SHUT_WR) == 0;
}
