/*
 * An epoll set that had the socket before connect() reports a refusal.
 */
#include <sys/epoll.h>

#include "twin.h"

int main(void)
{
    twin_start();
    struct sockaddr_in server = twin_refusing();
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), set = epoll_create1(0);
    struct epoll_event e = {EPOLLIN | EPOLLET, {.u64 = 5}}, got[4];
    SAY(epoll_ctl(set, EPOLL_CTL_ADD, fd, &e));
    SAY(epoll_wait(set, got, 4, 0));
    say("  %s", event_names(got[0].events));
    SAY(connect(fd, SA(&server), sizeof server));
    wait_events(fd, POLLERR | POLLHUP);
    SAY(epoll_wait(set, got, 4, 20000));
    say("  %s, data %d", event_names(got[0].events), (int)got[0].data.u64);
    SAY(epoll_wait(set, got, 4, 0));
    return 0;
}
