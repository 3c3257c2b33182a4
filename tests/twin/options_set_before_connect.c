/*
 * Options set before connect() stay in effect.
 */
#include "options.h"

int main(void)
{
    twin_start();
    static const struct {
        int level, name, value;
    } set[] = {
        {SOL_SOCKET, SO_KEEPALIVE, 1},
        {SOL_SOCKET, SO_OOBINLINE, 1},
        {SOL_SOCKET, SO_REUSEADDR, 1},
        {SOL_SOCKET, SO_RCVLOWAT, 1},
        {SOL_SOCKET, SO_PRIORITY, 5},
        {SOL_SOCKET, SO_BROADCAST, 1},
        {SOL_SOCKET, SO_DONTROUTE, 0},
        {SOL_SOCKET, SO_RCVBUF, 30000},
        {SOL_SOCKET, SO_SNDBUF, 30000},
        {IPPROTO_TCP, TCP_NODELAY, 1},
        {IPPROTO_TCP, TCP_KEEPIDLE, 33},
        {IPPROTO_TCP, TCP_KEEPINTVL, 34},
        {IPPROTO_TCP, TCP_KEEPCNT, 5},
        {IPPROTO_TCP, TCP_SYNCNT, 4},
        {IPPROTO_TCP, TCP_LINGER2, 7},
        {IPPROTO_TCP, TCP_MAXSEG, 1000},
        {IPPROTO_TCP, TCP_USER_TIMEOUT, 9999},
        {IPPROTO_TCP, TCP_NOTSENT_LOWAT, 5000},
        {IPPROTO_IP, IP_TOS, 16},
        {IPPROTO_IP, IP_TTL, 77},
        {IPPROTO_IP, IP_MTU_DISCOVER, 1},
        {IPPROTO_IP, IP_RECVERR, 1},
    };
    struct sockaddr_in server = twin_server();
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    for (size_t i = 0; i < COUNT(set); i++)
        say_set_option(fd, set[i].level, set[i].name, set[i].value);
    SAY(connect(fd, SA(&server), sizeof server));
    twin_greeting(fd);
    for (size_t i = 0; i < COUNT(set); i++)
        say("%d %d is %d", set[i].level, set[i].name, option(fd, set[i].level, set[i].name));
    SAY(write(fd, "hello", 5));
    SAY_PEER("expect 5");
    return 0;
}
