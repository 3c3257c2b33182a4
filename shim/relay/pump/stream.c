#include "relay/pump/stream.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/types.h>

static enum flow broken(struct stream *s)
{
    s->error = errno;
    return FLOW_BROKEN;
}

static enum flow bare_read(struct stream *s, void *buffer, size_t size, size_t *count)
{
    ssize_t n;

    do
        n = recv(s->fd, buffer, size, MSG_DONTWAIT);
    while (n < 0 && errno == EINTR);
    if (n == 0)
        return FLOW_ENDED;
    if (n < 0 && errno != EAGAIN)
        return broken(s);
    if (n < 0)
        s->ending = false;
    if (n < (ssize_t)size && !s->ending)
        s->readable = false;
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
        s->writable = false;
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
                         .readable = true,
                         .writable = true};
}
