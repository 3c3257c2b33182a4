/*
 * One descriptor in two sets, and its copy in a third, each with its own data (doveadm's imapc): each set
 * reports.
 */
#include <sys/epoll.h>

#include "twin.h"

int main(void)
{
    twin_start();
    struct sockaddr_in server = twin_server();
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), copy = dup(fd), set[3];
    struct epoll_event e = {EPOLLIN, {0}}, got[4];
    for (int i = 0; i < 3; i++) {
        set[i] = epoll_create1(0);
        e.data.u32 = (uint32_t)i + 1;
        SAY(epoll_ctl(set[i], EPOLL_CTL_ADD, i < 2 ? fd : copy, &e));
    }
    e.data.u32 = 4;
    SAY(epoll_ctl(set[0], EPOLL_CTL_ADD, copy, &e));
    SAY(connect(fd, SA(&server), sizeof server));
    wait_events(fd, POLLIN);
    for (int i = 0; i < 3; i++) {
        int n = (int)SAY(epoll_wait(set[i], got, 4, 20000));
        unsigned sum = 0;
        for (int k = 0; k < n; k++) {
            say("  %s", event_names(got[k].events));
            sum += got[k].data.u32;
        }
        say("  sum of data %u", sum);
    }
    twin_greeting(copy);
    for (int i = 0; i < 3; i++)
        SAY(epoll_wait(set[i], got, 4, 0));
    return 0;
}
