/*
 * A set within a set, a registration with EPOLLEXCLUSIVE, and the same set in a child forked before
 * connect(): all of them report the connection.
 */
#include <sys/epoll.h>

#include "twin.h"

static void say_wait(const char *what, int set)
{
    struct epoll_event got[4];
    int n = epoll_wait(set, got, 4, 20000);
    say("%s: %d", what, n);
    for (int i = 0; i < n; i++)
        say("  %s, data %d", event_names(got[i].events), (int)got[i].data.u64);
}

int main(void)
{
    twin_start();
    peer("hold");
    struct sockaddr_in server = twin_server();
    int fd = socket(AF_INET, SOCK_STREAM, 0), inner = epoll_create1(0), outer = epoll_create1(0),
        exclusive = epoll_create1(0), go[2];
    struct epoll_event in = {EPOLLIN, {.u64 = 1}}, once = {EPOLLIN | EPOLLEXCLUSIVE, {.u64 = 2}},
                       nested = {EPOLLIN, {.u64 = 3}};
    SAY(epoll_ctl(inner, EPOLL_CTL_ADD, fd, &in));
    SAY(epoll_ctl(exclusive, EPOLL_CTL_ADD, fd, &once));
    SAY(epoll_ctl(outer, EPOLL_CTL_ADD, inner, &nested));
    if (pipe(go) != 0)
        return 1;
    pid_t child = fork();
    if (child == 0) {
        char byte;
        if (read(go[0], &byte, 1) != 1)
            _exit(1);
        say_wait("the child's set", inner);
        _exit(0);
    }
    SAY(connect(fd, SA(&server), sizeof server));
    SAY(epoll_ctl(exclusive, EPOLL_CTL_MOD, fd, &in));
    peer("greet");
    say_wait("outer", outer);
    say_wait("inner", inner);
    say_wait("exclusive", exclusive);
    if (write(go[1], "x", 1) == 1)
        wait_child(child);
    return 0;
}
