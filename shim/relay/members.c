#include "relay/members.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "relay/service.h"

/* Headers show these to _GNU_SOURCE alone, and old ones lack them. */
enum { ADD_SEALS = 1033, GET_SEALS = 1034, SEAL_WRITE = 8 };

static int file = -1;

bool members_take(int fd)
{
    if (fcntl(fd, GET_SEALS) < 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) != 0)
        return false;
    file = fd;
    return true;
}

bool members_remain(void)
{
    if (file < 0)
        return false;
    if (fcntl(file, ADD_SEALS, SEAL_WRITE) != 0 && errno == EBUSY)
        return true;
    close(file);
    file = -1;
    return false;
}

bool members_await_first(int listener, pid_t owner)
{
    struct pollfd polled[] = {{.fd = listener, .events = POLLIN}, {.fd = -1, .events = POLLIN}};
    int ready;

    if (owner > 0)
        polled[1].fd = (int)syscall(SYS_pidfd_open, owner, 0);
    do {
        ready = poll(polled, 2, polled[1].fd >= 0 ? IDLE_WITH_OWNER : MEMBERS_INTERVAL);
        if (ready > 0 && polled[1].revents) {
            close(polled[1].fd);
            polled[1] = (struct pollfd){.fd = -1};
        }
    } while (!polled[0].revents && (ready < 0 ? errno == EINTR : members_remain()));
    if (polled[1].fd >= 0)
        close(polled[1].fd);
    return polled[0].revents != 0;
}
