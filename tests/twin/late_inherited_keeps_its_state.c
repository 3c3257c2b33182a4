/*
 * An inherited connection keeps its settings, its duplicates and its epoll registration after the first read.
 */
#include <sys/epoll.h>

#include "late.h"
#include "options.h"

int main(int argc, char **argv)
{
    twin_start();
    if (argc < 2)
        unwatched_connector(argv[0]);
    int copy = fcntl(0, F_DUPFD_CLOEXEC, 50), set = epoll_create1(0);
    struct epoll_event e = {EPOLLIN, {.u64 = 9}}, got;
    say_set_option(0, IPPROTO_TCP, TCP_NODELAY, 1);
    say_set_option(0, SOL_SOCKET, SO_KEEPALIVE, 1);
    SAY(fcntl(0, F_SETFL, O_APPEND));
    SAY(epoll_ctl(set, EPOLL_CTL_ADD, copy, &e));
    twin_greeting(0);
    SAY(fcntl(copy, F_GETFL));
    SAY(fcntl(copy, F_GETFD));
    say("TCP_NODELAY %d, SO_KEEPALIVE %d", option(copy, IPPROTO_TCP, TCP_NODELAY),
        option(0, SOL_SOCKET, SO_KEEPALIVE));
    SAY(epoll_wait(set, &got, 1, 0));
    peer("send 10");
    SAY(epoll_wait(set, &got, 1, 20000));
    say("%s, data %d", event_names(got.events), (int)got.data.u64);
    SAY(write(copy, "hello", 5));
    SAY_PEER("expect 5");
    return 0;
}
