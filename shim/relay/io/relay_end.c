#include "relay/io/relay_end.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "monitor/socket_options.h"

enum { SMALL = 4096 }; /* up to this size two copies cost less than one more system call */

#ifndef SO_PEEK_OFF
#    define SO_PEEK_OFF 42
#endif

/* Discards exactly `count` bytes of the queue, through `scratch`. False if it holds fewer. */
static bool discard_into(int fd, size_t count, void *scratch, size_t size)
{
    while (count > 0) {
        const ssize_t n = recv(fd, scratch, count < size ? count : size, MSG_DONTWAIT);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        explicit_bzero(scratch, (size_t)n); /* it may include the program's password */
        count -= (size_t)n;
    }
    return true;
}

static bool discard(int fd, size_t count)
{
    uint8_t scratch[SMALL];

    return discard_into(fd, count, scratch, sizeof scratch);
}

int relay_end_room_of(int program)
{
    struct epoll_event event = {.events = EPOLLOUT};
    const int room = epoll_create1(EPOLL_CLOEXEC);

    if (room >= 0 && epoll_ctl(room, EPOLL_CTL_ADD, program, &event) != 0) {
        const int error = errno;

        close(room);
        errno = error;
        return -1;
    }
    return room;
}

bool relay_end_open(struct relay_end *end, int fd, int room, uint32_t filler)
{
    const int one = 1;

    *end = (struct relay_end){.fd = fd, .room = room, .keeps = true, .kept = true, .passed = filler};
    if (filler == 0) {
        errno = EINVAL;
        return false;
    }
    /*
     * From now on MSG_PEEK starts behind the kept byte and continues where the last peek ended; a read moves
     * that position back by the bytes it consumed (socket(7); sk_peek_offset_bwd()).
     */
    if (!discard(fd, filler - 1))
        return false;
    end->peeks = socket_option_set(fd, SOL_SOCKET, SO_PEEK_OFF, &one, sizeof one) == 0;
    if (!end->peeks && errno != ENOPROTOOPT)
        return false;
    relay_end_make_room(end);
    return true;
}

static void consume_owed(struct relay_end *end)
{
    if (end->owed > 0)
        discard(end->fd, end->owed);
    end->owed = 0;
}

void relay_end_settle(struct relay_end *end)
{
    struct epoll_event writable;
    int queued, ready;

    consume_owed(end);
    end->unsettled = false;
    if (!end->kept || ioctl(end->fd, FIONREAD, &queued) != 0 || queued != 1)
        return; /* what is behind it has to be read first */
    ready = epoll_wait(end->room, &writable, 1, 0);
    if (ready == 0 && discard(end->fd, 1)) {
        end->kept = false;
        if (end->passed <= SMALL)
            end->tight = true;
    }
    if (ready >= 0)
        end->passed = 0;
}

void relay_end_break(struct relay_end *end)
{
    struct pollfd queue = {.fd = end->fd, .events = POLLIN};
    struct epoll_event writable;

    if (!end->keeps || end->kept || end->owed > 0)
        return;
    /*
     * The kernel charges a buffer when it makes it and queues it when it is filled (unix_stream_sendmsg()).
     */
    for (int tries = 0; tries < RELAY_END_BREAK && epoll_wait(end->room, &writable, 1, 0) == 0; tries++) {
        if (poll(&queue, 1, 1) == 1)
            return;
    }
}

void relay_end_make_room(struct relay_end *end)
{
    if (end->passed > SMALL || (end->tight && end->unsettled))
        relay_end_settle(end);
}

/* Reads with a single copy: consumes the kept byte and all new ones but the last, which it peeks at. */
static ssize_t read_bulk(struct relay_end *end, uint8_t *buffer, size_t size)
{
    uint8_t kept;
    struct iovec parts[2] = {{&kept, end->kept ? 1 : 0}, {buffer, size - 1}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    const ssize_t n = recvmsg(end->fd, &message, MSG_DONTWAIT);

    if (n != (ssize_t)(size - 1 + parts[0].iov_len) ||
        recv(end->fd, buffer + size - 1, 1, MSG_PEEK | MSG_DONTWAIT) != 1) {
        errno = EIO; /* cannot happen: FIONREAD counted them, and nobody else reads here */
        return -1;
    }
    end->kept = true;
    return (ssize_t)size;
}

/*
 * Nothing is behind the kept byte, and a plain MSG_PEEK would only see that byte: finds out whether more can
 * come.
 */
static ssize_t find_end(const struct relay_end *end)
{
    struct pollfd state = {.fd = end->fd, .events = POLLRDHUP};
    int error = 0;
    socklen_t length = sizeof error;

    if (poll(&state, 1, 0) > 0 && state.revents & (POLLERR | POLLHUP | POLLRDHUP)) {
        if (getsockopt(end->fd, SOL_SOCKET, SO_ERROR, &error, &length) == 0 && error == 0)
            return 0;
        errno = error;
        return -1;
    }
    errno = EAGAIN;
    return -1;
}

static ssize_t read_without_offset(struct relay_end *end, uint8_t *buffer, size_t size)
{
    const int kept = end->kept;
    int queued = 0;
    ssize_t n;

    if (ioctl(end->fd, FIONREAD, &queued) != 0)
        return -1;
    if (queued <= kept) {
        n = find_end(end);
        /* More may have come just before the end. */
        if ((n == 0 || errno != EAGAIN) && ioctl(end->fd, FIONREAD, &queued) != 0)
            return -1;
        if (queued <= kept)
            return n;
    }
    n = read_bulk(end, buffer, (size_t)(queued - kept) < size ? (size_t)(queued - kept) : size);
    end->passed += n > 0 ? (size_t)n : 0;
    end->unsettled = true;
    return n;
}

ssize_t relay_end_read(struct relay_end *end, void *buffer, size_t size)
{
    ssize_t n;
    int queued = 0;
    const int kept = end->kept;

    if (!end->keeps)
        return recv(end->fd, buffer, size, MSG_DONTWAIT);
    if (!end->peeks)
        return read_without_offset(end, buffer, size);
    if (size > SMALL) { /* bulk: consume it in one system call */
        discard_into(end->fd, end->owed, buffer, size);
        end->owed = 0;
    }
    consume_owed(end);
    if (end->bulk && ioctl(end->fd, FIONREAD, &queued) == 0 && queued - kept > SMALL && size > SMALL) {
        const size_t fresh = (size_t)(queued - kept);

        n = read_bulk(end, buffer, fresh < size ? fresh : size);
        end->passed += n > 0 ? (size_t)n : 0;
        end->unsettled = true;
        return n;
    }
    do
        n = recv(end->fd, buffer, size, MSG_PEEK | MSG_DONTWAIT);
    while (n < 0 && errno == EINTR);
    if (n > 0) {
        end->owed = (size_t)(n - 1 + kept);
        end->passed += (size_t)n;
        end->kept = end->unsettled = true;
    }
    end->bulk = n > SMALL;
    return n;
}

ssize_t relay_end_write(struct relay_end *end, const void *bytes, size_t length)
{
    ssize_t n;

    do
        n = send(end->fd, bytes, length, MSG_DONTWAIT | MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    if (n >= 0)
        consume_owed(end);
    return n;
}

bool relay_end_finish(struct relay_end *end)
{
    if (end->keeps) {
        consume_owed(end);
        if (end->kept)
            discard(end->fd, 1);
        end->keeps = end->kept = end->unsettled = false;
    }
    return shutdown(end->fd, SHUT_WR) == 0;
}
