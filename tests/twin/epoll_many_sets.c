/*
 * A program has hundreds of epoll sets (an event loop for each of its threads). The connection is put into
 * the one set that had the socket before connect().
 */
#include <sys/epoll.h>

#include "twin.h"

int main(void)
{
    enum { SETS = 300 };
    twin_start();
    struct sockaddr_in server = twin_server();
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = 7}, seen = {.events = 0};
    int set = -1, fd = socket(AF_INET, SOCK_STREAM, 0);
    for (int i = 0; i < SETS; i++)
        set = epoll_create1(0);
    SAY(epoll_ctl(set, EPOLL_CTL_ADD, fd, &event) == 0);
    SAY(connect(fd, SA(&server), sizeof server));
    SAY(epoll_wait(set, &seen, 1, 20000));
    SAY(seen.data.u32);
    twin_greeting(fd);
    SAY(epoll_wait(set, &seen, 1, 0));
    SAY(write(fd, "hello", 5));
    SAY_PEER("expect 5");
    return 0;
}
