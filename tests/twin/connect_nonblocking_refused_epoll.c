/*
 * epoll reports the refusal of a pending connection as IN, OUT, ERR, HUP and RDHUP together, edge-triggered
 * too.
 */
#include <sys/epoll.h>

#include "twin.h"

int main(void)
{
    twin_start();
    struct sockaddr_in server = twin_slow();
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    int edge = epoll_create1(EPOLL_CLOEXEC), level = epoll_create1(EPOLL_CLOEXEC);
    SAY(connect(fd, SA(&server), sizeof server));
    struct epoll_event e = {EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, {.u64 = 7}};
    SAY(epoll_ctl(edge, EPOLL_CTL_ADD, fd, &e));
    e.events = EPOLLOUT;
    SAY(epoll_ctl(level, EPOLL_CTL_ADD, fd, &e));
    peer("slow refuse");
    wait_events(fd, POLLERR | POLLHUP);
    wait_events(fd, POLLOUT); /* on a UNIX socket it comes a moment later, in the peer's close() */
    SAY(epoll_wait(edge, &e, 1, 20000));
    say("  edge: %s", event_names(e.events));
    SAY(epoll_wait(level, &e, 1, 20000));
    say("  level: %s", event_names(e.events));
    SAY(epoll_wait(level, &e, 1, 20000));
    say("  level: %s", event_names(e.events));
    int error = -1;
    socklen_t size = sizeof error;
    SAY(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size));
    say("SO_ERROR %s", error_name(error));
    return 0;
}
