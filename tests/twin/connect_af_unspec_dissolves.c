/*
 * connect() with AF_UNSPEC dissolves a connection (POSIX specifies it for datagrams, Linux does it for TCP
 * too). The server sees a reset. The socket is like new, keeps its options, and may be connected again.
 */
#include "twin.h"

int main(void)
{
    twin_start();
    struct sockaddr_in server = twin_server();
    struct sockaddr none = {.sa_family = AF_UNSPEC};
    int fd = twin_connect(), one = 1, value = 0;
    socklen_t size = sizeof value;
    SAY(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one));
    SAY(connect(fd, &none, sizeof none));
    SAY_PEER("end");
    say_events("dissolved", fd);
    say_addresses(fd, SA(&server), sizeof server);
    char byte;
    SAY(recv(fd, &byte, 1, MSG_DONTWAIT));
    SAY(send(fd, "x", 1, MSG_NOSIGNAL));
    SAY(connect(fd, SA(&server), sizeof server));
    twin_greeting(fd);
    say_addresses(fd, SA(&server), sizeof server);
    SAY(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &value, &size));
    say("TCP_NODELAY %d", value);
    SAY(write(fd, "hello", 5));
    SAY_PEER("expect 5");
    return 0;
}
