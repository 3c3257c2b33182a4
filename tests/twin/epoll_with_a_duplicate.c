/*
 * An epoll registration belongs to the open socket. It stays after the number was closed while a duplicate is
 * open, and ends with the last one.
 */
#include <sys/epoll.h>

#include "twin.h"

int main(void)
{
    twin_start();
    int fd = twin_connect(), copy = dup(fd), set = epoll_create1(0);
    struct epoll_event e = {EPOLLIN, {.u64 = 1}}, got[2];
    SAY(epoll_ctl(set, EPOLL_CTL_ADD, fd, &e));
    e.data.u64 = 2;
    SAY(epoll_ctl(set, EPOLL_CTL_ADD, copy, &e));
    peer("send 5");
    wait_readable(fd, 5);
    SAY(epoll_wait(set, got, 2, 0));
    SAY(close(fd));
    SAY(epoll_wait(set, got, 2, 0));
    SAY(close(copy));
    SAY(epoll_wait(set, got, 2, 0));
    return 0;
}
