/*
 * Edge-triggered epoll reports each change once: nothing while pending, OUT once when TCP is up, IN once for
 * the greeting. A missing edge hangs the program. A false one, before TCP is up, makes it believe that it is
 * connected.
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
    struct epoll_event e = {EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, {.u64 = 7}};
    SAY(epoll_ctl(set, EPOLL_CTL_ADD, fd, &e));
    SAY(epoll_wait(set, &e, 1, 20));
    peer("slow open");
    SAY(epoll_wait(set, &e, 1, 20000));
    say("  %s", event_names(e.events));
    SAY(epoll_wait(set, &e, 1, 0));
    peer("greet");
    SAY(epoll_wait(set, &e, 1, 20000));
    say("  %s", event_names(e.events));
    twin_greeting(fd);
    SAY(epoll_wait(set, &e, 1, 0));
    return 0;
}
