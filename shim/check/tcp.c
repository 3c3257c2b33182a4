#include "check/tcp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "relay/race/race.h"
#include "wire/greeting.h"

static socklen_t socket_address(struct sockaddr_storage *to, const struct wire_address *from)
{
    memset(to, 0, sizeof *to);
    if (from->family == AF_INET) {
        struct sockaddr_in *const v4 = (struct sockaddr_in *)(void *)to;
        v4->sin_family = AF_INET;
        v4->sin_port = htons(from->port);
        memcpy(&v4->sin_addr, from->bytes, 4);
        return sizeof *v4;
    }
    struct sockaddr_in6 *const v6 = (struct sockaddr_in6 *)(void *)to;
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(from->port);
    v6->sin6_scope_id = from->scope;
    memcpy(&v6->sin6_addr, from->bytes, 16);
    return sizeof *v6;
}

/*
 * Makes the system call directly: if the library is preloaded into everything (/etc/ld.so.preload), its
 * connect() would upgrade this connection a second time.
 */
static int connect_within(int fd, const struct wire_address *target, int milliseconds)
{
    struct sockaddr_storage address;
    const socklen_t size = socket_address(&address, target);
    struct pollfd polled = {.fd = fd, .events = POLLOUT};
    int error = 0;
    socklen_t length = sizeof error;

    if (syscall(SYS_connect, fd, &address, size) == 0)
        return 0;
    if (errno != EINPROGRESS)
        return errno;
    if (poll(&polled, 1, milliseconds) != 1)
        return ETIMEDOUT;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) != 0)
        return errno;
    return error;
}

int tcp_connect(const struct wire_address *target, int milliseconds, int *fd)
{
    int error;

    *fd = socket(target->family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    error = *fd < 0 ? errno : connect_within(*fd, target, milliseconds);
    if (error == 0)
        return 0;
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
    return error;
}

/* Begins to connect. Returns 0, EINPROGRESS, or the errno with which that has failed; `*fd` is then -1. */
static int begin(const struct wire_address *target, int *fd)
{
    struct sockaddr_storage address;
    const socklen_t size = socket_address(&address, target);
    int error = 0;

    *fd = socket(target->family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (*fd < 0 || syscall(SYS_connect, *fd, &address, size) != 0)
        error = errno;
    if (error == 0 || error == EINPROGRESS)
        return error;
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
    return error;
}

/* Once poll(2) has reported it. Closes a socket that has failed. */
static int outcome_of(int *fd)
{
    const int error = race_outcome(*fd);

    if (error != 0)
        close(*fd);
    if (error != 0)
        *fd = -1;
    return error;
}

bool tcp_connect_either(const struct wire_address *target, const struct wire_address *alternative,
                        int milliseconds, int *fd, int *error, int *other_error)
{
    const int64_t until = plain_now() + milliseconds;
    int64_t next = plain_now() + RACE_DELAY; /* the end of the present stage */
    struct pollfd ends[2] = {{.fd = -1, .events = POLLOUT}, {.fd = -1, .events = POLLOUT}};

    *error = begin(target, &ends[0].fd);
    *other_error = -1;
    while (*error != 0 && *other_error != 0) {
        const bool failed = *error != EINPROGRESS;
        int64_t left;

        if (*other_error == -1 && (failed || plain_now() >= next)) {
            *other_error = begin(alternative, &ends[1].fd);
            next = failed ? plain_now() + RACE_PATIENCE : until;
            continue;
        }
        left = (next < until ? next : until) - plain_now();
        if (failed && *other_error != EINPROGRESS)
            break;
        if (left <= 0 && *other_error != -1)
            break;
        poll(ends, 2, left > 0 ? (int)left : 0);
        if (ends[0].fd >= 0 && ends[0].revents && (*error = outcome_of(&ends[0].fd)) != 0)
            next = plain_now() + RACE_PATIENCE;
        else if (*error != 0 && ends[1].fd >= 0 && ends[1].revents)
            *other_error = outcome_of(&ends[1].fd);
    }
    if (*error == EINPROGRESS)
        *error = ETIMEDOUT;
    if (*other_error == EINPROGRESS)
        *other_error = ETIMEDOUT;
    *fd = *error == 0 ? ends[0].fd : *other_error == 0 ? ends[1].fd : -1;
    for (int i = 0; i < 2; i++)
        if (ends[i].fd >= 0 && ends[i].fd != *fd)
            close(ends[i].fd);
    return *fd >= 0;
}

bool tcp_speaks(int fd, int milliseconds)
{
    struct pollfd polled = {.fd = fd, .events = POLLIN};

    return poll(&polled, 1, milliseconds) != 0;
}

enum protocol_kind tcp_greeting(int fd, int milliseconds)
{
    char bytes[GREETING_LINE];
    ssize_t count;

    if (!tcp_speaks(fd, milliseconds))
        return PROTOCOL_AUTO;
    count = recv(fd, bytes, sizeof bytes, MSG_PEEK | MSG_DONTWAIT);
    return count > 0 ? greeting_protocol(bytes, (size_t)count, GREETING_UNNAMED) : PROTOCOL_AUTO;
}
