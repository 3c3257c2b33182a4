/*
 * EPOLLONESHOT on a pending connection: one event, then silence until it is armed again.
 */
#include <sys/epoll.h>

#include "twin.h"

int main(void)
{
    twin_start();
    peer("hold");
    struct sockaddr_in server = twin_slow();
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), set = epoll_create1(EPOLL_CLOEXEC);
    SAY(connect(fd, SA(&server), sizeof server));
    struct epoll_event e = {EPOLLOUT | EPOLLONESHOT, {.u64 = 7}};
    SAY(epoll_ctl(set, EPOLL_CTL_ADD, fd, &e));
    SAY(epoll_wait(set, &e, 1, 20));
    peer("slow open");
    SAY(epoll_wait(set, &e, 1, 20000));
    say("  %s", event_names(e.events));
    SAY(epoll_wait(set, &e, 1, 20));
    e.events = EPOLLIN | EPOLLOUT | EPOLLONESHOT;
    SAY(epoll_ctl(set, EPOLL_CTL_MOD, fd, &e));
    SAY(epoll_wait(set, &e, 1, 0));
    say("  %s", event_names(e.events));
    return 0;
}
