/*
 * EPOLLONESHOT set before connect(), both used up and not: a registration that has fired stays disarmed.
 */
#include <sys/epoll.h>

#include "twin.h"

int main(void)
{
    twin_start();
    peer("hold");
    struct sockaddr_in server = twin_server();
    struct epoll_event got[4];
    for (int used = 0; used < 2; used++) {
        int fd = socket(AF_INET, SOCK_STREAM, 0), set = epoll_create1(0);
        struct epoll_event e = {EPOLLOUT | EPOLLONESHOT, {.u64 = 5}};
        SAY(epoll_ctl(set, EPOLL_CTL_ADD, fd, &e));
        if (used)
            SAY(epoll_wait(set, got, 4, 0));
        SAY(connect(fd, SA(&server), sizeof server));
        SAY(epoll_wait(set, got, 4, used ? 20 : 20000));
        SAY(epoll_wait(set, got, 4, 20));
        SAY(epoll_ctl(set, EPOLL_CTL_MOD, fd, &e));
        SAY(epoll_wait(set, got, 4, 20000));
        close(fd);
        close(set);
    }
    return 0;
}
