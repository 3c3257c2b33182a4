/*
 * What libuv does: epoll with EPOLLIN and EPOLLOUT before the connection is up, SO_ERROR, reads until EAGAIN,
 * shutdown() of writing, and read() = 0 as the end.
 */
#include <sys/epoll.h>

#include "options.h"

int main(void)
{
    twin_start();
    struct sockaddr_in server = twin_server();
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0),
        set = epoll_create1(EPOLL_CLOEXEC);
    SAY(connect(fd, SA(&server), sizeof server));
    struct epoll_event e = {EPOLLOUT, {.fd = fd}};
    SAY(epoll_ctl(set, EPOLL_CTL_ADD, fd, &e));
    SAY(epoll_wait(set, &e, 1, 20000));
    say("%s, SO_ERROR %d", event_names(e.events), option(fd, SOL_SOCKET, SO_ERROR));
    e.events = EPOLLIN;
    SAY(epoll_ctl(set, EPOLL_CTL_MOD, fd, &e));
    SAY(epoll_wait(set, &e, 1, 20000));
    twin_greeting(fd);
    char buffer[256];
    SAY(read(fd, buffer, sizeof buffer));
    SAY(write(fd, "QUIT\r\n", 6));
    SAY(shutdown(fd, SHUT_WR));
    peer("say +OK");
    peer("half");
    SAY_PEER("end");
    wait_events(fd, POLLHUP);
    SAY(epoll_wait(set, &e, 1, 20000));
    say("%s", event_names(e.events));
    SAY(read(fd, buffer, sizeof buffer));
    SAY(read(fd, buffer, sizeof buffer));
    SAY(epoll_ctl(set, EPOLL_CTL_DEL, fd, NULL));
    SAY(close(fd));
    return 0;
}
