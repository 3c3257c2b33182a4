#include "relay/io/stream.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/types.h>

void readiness_hear(struct readiness *r, uint32_t events)
{
    if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
        r->readable = r->fresh = true;
    if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
        r->ending = true;
    if (events & (EPOLLOUT | EPOLLHUP | EPOLLERR))
        r->writable = true;
}

static enum flow broken(struct stream *s)
{
    s->error = errno;
    return FLOW_BROKEN;
}

/*
 * Whether an end of file is none: a write has taken the error that broke the connection, and the kernel tells
 * it once (net/core/stream.c, sk_stream_error()). EPIPE: the server had ended before.
 */
static bool has_broken(const struct stream *s)
{
    return s->error != 0 && s->error != EPIPE;
}

static enum flow bare_read(struct stream *s, void *buffer, size_t size, size_t *count)
{
    ssize_t n;

    do
        n = recv(s->fd, buffer, size, MSG_DONTWAIT);
    while (n < 0 && errno == EINTR);
    if (n == 0)
        return has_broken(s) ? FLOW_BROKEN : FLOW_ENDED;
    if (n < 0 && errno != EAGAIN)
        return broken(s);
    if (n < 0)
        s->ready.ending = false;
    if (n < (ssize_t)size && !s->ready.ending)
        s->ready.readable = false;
    *count = n > 0 ? (size_t)n : 0;
    return n > 0 ? FLOW_MOVED : FLOW_BLOCKED;
}

static enum flow bare_write(struct stream *s, const void *bytes, size_t length, size_t *count)
{
    ssize_t n;

    do
        n = send(s->fd, bytes, length, MSG_DONTWAIT | MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    if (n < 0 && errno != EAGAIN)
        return broken(s);
    if (n < (ssize_t)length)
        s->ready.writable = false;
    *count = n > 0 ? (size_t)n : 0;
    return n > 0 ? FLOW_MOVED : FLOW_BLOCKED;
}

static enum flow bare_finish(struct stream *s)
{
    shutdown(s->fd, SHUT_WR);
    return FLOW_MOVED;
}

void stream_over_socket(struct stream *s, int fd)
{
    *s = (struct stream){.read = bare_read,
                         .write = bare_write,
                         .finish = bare_finish,
                         .fd = fd,
                         .ready = {.readable = true, .writable = true}};
}
