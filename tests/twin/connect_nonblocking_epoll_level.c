/*
 * Level-triggered epoll on a pending connection: registered after connect(), silent while pending, EPOLLOUT
 * when TCP is up, again and again. Node, libevent and GLib's users wait this way.
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
    struct epoll_event e = {EPOLLIN | EPOLLOUT | EPOLLRDHUP, {.u64 = 7}};
    SAY(epoll_ctl(set, EPOLL_CTL_ADD, fd, &e));
    SAY(epoll_ctl(set, EPOLL_CTL_ADD, fd, &e));
    SAY(epoll_wait(set, &e, 1, 20));
    peer("slow open");
    for (int i = 0; i < 3; i++) {
        SAY(epoll_wait(set, &e, 1, 20000));
        say("  %s, data %d", event_names(e.events), (int)e.data.u64);
    }
    peer("greet");
    wait_events(fd, POLLIN);
    SAY(epoll_wait(set, &e, 1, 20000));
    say("  %s", event_names(e.events));
    e.events = EPOLLIN;
    SAY(epoll_ctl(set, EPOLL_CTL_MOD, fd, &e));
    twin_greeting(fd);
    SAY(epoll_wait(set, &e, 1, 0));
    SAY(epoll_ctl(set, EPOLL_CTL_DEL, fd, NULL));
    SAY(epoll_ctl(set, EPOLL_CTL_DEL, fd, NULL));
    return 0;
}
