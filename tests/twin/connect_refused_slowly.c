/*
 * A blocking connect() is refused after a while. The socket, its duplicate and the epoll set that has it are
 * as before, with all that was set, and the next connect() on the socket works.
 */
#include <sys/epoll.h>

#include "options.h"

int main(void)
{
    twin_start();
    struct sockaddr_in server = twin_slow(), other = twin_server();
    struct sockaddr_in own = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), set = epoll_create1(0);
    struct epoll_event e = {EPOLLIN | EPOLLOUT, {.u64 = 9}}, got;
    SAY(bind(fd, SA(&own), sizeof own));
    say_set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, 77);
    say_set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    int copy = dup(fd);
    SAY(epoll_ctl(set, EPOLL_CTL_ADD, fd, &e));
    pid_t refuser = fork();
    if (refuser == 0) {
        wait_connecting();
        wait_sleeping(getppid());
        peer("slow refuse");
        _exit(0);
    }
    SAY(connect(fd, SA(&server), sizeof server));
    wait_child(refuser);
    say_events("refused", fd);
    say_events("refused, the copy", copy);
    SAY(epoll_wait(set, &got, 1, 0));
    say("%s, data %d", event_names(got.events), (int)got.data.u64);
    SAY(fcntl(fd, F_GETFD));
    SAY(fcntl(copy, F_GETFD));
    SAY(fcntl(fd, F_GETFL));
    say("TCP_KEEPIDLE %d, SO_KEEPALIVE %d, SO_ERROR %d", option(fd, IPPROTO_TCP, TCP_KEEPIDLE),
        option(fd, SOL_SOCKET, SO_KEEPALIVE), option(fd, SOL_SOCKET, SO_ERROR));
    SAY(send(fd, "x", 1, MSG_NOSIGNAL));
    SAY(recv(fd, &got, 1, 0));
    SAY(connect(fd, SA(&other), sizeof other));
    twin_greeting(copy);
    say("TCP_KEEPIDLE %d, SO_KEEPALIVE %d", option(fd, IPPROTO_TCP, TCP_KEEPIDLE),
        option(fd, SOL_SOCKET, SO_KEEPALIVE));
    SAY(write(copy, "hello", 5));
    SAY_PEER("expect 5");
    return 0;
}
