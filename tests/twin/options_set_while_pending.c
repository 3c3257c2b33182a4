/*
 * Options set while a connection is pending are in effect when it is up. Setting them must not make it look
 * connected.
 */
#include "options.h"

int main(void)
{
    twin_start();
    static const struct {
        int level, name, value;
    } set[] = {
        {SOL_SOCKET, SO_KEEPALIVE, 1},   {SOL_SOCKET, SO_PRIORITY, 5},
        {SOL_SOCKET, SO_RCVBUF, 400000}, {SOL_SOCKET, SO_SNDBUF, 400000},
        {IPPROTO_TCP, TCP_NODELAY, 1},   {IPPROTO_TCP, TCP_KEEPIDLE, 33},
        {IPPROTO_TCP, TCP_CORK, 0},      {IPPROTO_TCP, TCP_USER_TIMEOUT, 9999},
        {IPPROTO_IP, IP_TOS, 16},        {IPPROTO_IP, IP_TTL, 77},
    };
    peer("hold");
    struct sockaddr_in server = twin_slow();
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    SAY(connect(fd, SA(&server), sizeof server));
    for (size_t i = 0; i < COUNT(set); i++) {
        say_set_option(fd, set[i].level, set[i].name, set[i].value);
        say("%d %d is %d", set[i].level, set[i].name, option(fd, set[i].level, set[i].name));
        say_events("pending", fd);
    }
    peer("slow open");
    wait_events(fd, POLLOUT);
    SAY(connect(fd, SA(&server), sizeof server));
    for (size_t i = 0; i < COUNT(set); i++)
        say("%d %d is %d", set[i].level, set[i].name, option(fd, set[i].level, set[i].name));
    return 0;
}
