/*
 * Registered edge-triggered before connect(): the edges of the connection come, each once.
 */
#include <sys/epoll.h>

#include "twin.h"

int main(void)
{
    twin_start();
    peer("hold");
    struct sockaddr_in server = twin_slow();
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), set = epoll_create1(0);
    struct epoll_event e = {EPOLLIN | EPOLLOUT | EPOLLET | EPOLLRDHUP, {.u64 = 5}}, got[4];
    SAY(epoll_ctl(set, EPOLL_CTL_ADD, fd, &e));
    SAY(epoll_wait(set, got, 4, 0));
    say("  %s", event_names(got[0].events));
    SAY(epoll_wait(set, got, 4, 0));
    SAY(connect(fd, SA(&server), sizeof server));
    SAY(epoll_wait(set, got, 4, 20));
    peer("slow open");
    SAY(epoll_wait(set, got, 4, 20000));
    say("  %s, data %d", event_names(got[0].events), (int)got[0].data.u64);
    SAY(epoll_wait(set, got, 4, 0));
    peer("greet");
    SAY(epoll_wait(set, got, 4, 20000));
    say("  %s, data %d", event_names(got[0].events), (int)got[0].data.u64);
    SAY(epoll_wait(set, got, 4, 0));
    return 0;
}
