/*
 * A socket put into an epoll set before connect() (as libuv and Qt do) reports there. The registration keeps
 * its events and data, nothing is reported twice, and the registration can be changed and removed.
 */
#include <sys/epoll.h>

#include "twin.h"

int main(void)
{
    twin_start();
    peer("hold");
    struct sockaddr_in server = twin_slow();
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), set = epoll_create1(0);
    struct epoll_event e = {EPOLLIN | EPOLLOUT, {.u64 = 0x1122334455667788}}, got[4];
    SAY(epoll_ctl(set, EPOLL_CTL_ADD, fd, &e));
    SAY(epoll_wait(set, got, 4, 0));
    say("  %s", event_names(got[0].events));
    SAY(connect(fd, SA(&server), sizeof server));
    SAY(epoll_wait(set, got, 4, 20));
    peer("slow open");
    SAY(epoll_wait(set, got, 4, 20000));
    say("  %s, data kept: %d", event_names(got[0].events), got[0].data.u64 == e.data.u64);
    peer("greet");
    wait_events(fd, POLLIN);
    SAY(epoll_wait(set, got, 4, 20000));
    say("  %s, data kept: %d", event_names(got[0].events), got[0].data.u64 == e.data.u64);
    SAY(epoll_ctl(set, EPOLL_CTL_ADD, fd, &e));
    e.events = EPOLLIN;
    SAY(epoll_ctl(set, EPOLL_CTL_MOD, fd, &e));
    twin_greeting(fd);
    SAY(epoll_wait(set, got, 4, 0));
    SAY(epoll_ctl(set, EPOLL_CTL_DEL, fd, NULL));
    peer("say more");
    wait_events(fd, POLLIN);
    SAY(epoll_wait(set, got, 4, 0));
    return 0;
}
