/*
 * epoll on a connection: level, edge and one-shot, and the end.
 */
#include <sys/epoll.h>

#include "twin.h"

int main(void)
{
    twin_start();
    int fd = twin_connect(), level = epoll_create1(0), edge = epoll_create1(0), once = epoll_create1(0);
    struct epoll_event e = {EPOLLIN | EPOLLRDHUP, {.u64 = 1}}, got[2];
    SAY(epoll_ctl(level, EPOLL_CTL_ADD, fd, &e));
    e.events = EPOLLIN | EPOLLRDHUP | EPOLLET;
    SAY(epoll_ctl(edge, EPOLL_CTL_ADD, fd, &e));
    e.events = EPOLLIN | EPOLLRDHUP | EPOLLONESHOT;
    SAY(epoll_ctl(once, EPOLL_CTL_ADD, fd, &e));
    int sets[] = {level, edge, once};
    char buffer[16];
    for (int round = 0; round < 3; round++) {
        say("round %d", round);
        if (round < 2)
            peer("send 5");
        else
            peer("half");
        if (round < 2)
            wait_readable(fd, 5 * (round + 1) - (round ? 2 : 0));
        else
            wait_events(fd, POLLRDHUP);
        for (size_t i = 0; i < COUNT(sets); i++)
            for (int k = 0; k < 2; k++) {
                int n = (int)SAY(epoll_wait(sets[i], got, 2, 0));
                if (n > 0)
                    say("  %s", event_names(got[0].events));
            }
        SAY(read(fd, buffer, 2));
    }
    return 0;
}
