/*
 * A multipath TCP socket, to a server that knows only plain TCP.
 */
#include "twin.h"

#ifndef IPPROTO_MPTCP
#    define IPPROTO_MPTCP 262
#endif

int main(void)
{
    twin_start();
    struct sockaddr_in server = twin_server();
    int fd = socket(AF_INET, SOCK_STREAM, IPPROTO_MPTCP), one = 1;
    if (fd < 0)
        twin_skip("the kernel has no multipath TCP");
    SAY(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one));
    SAY(connect(fd, SA(&server), sizeof server));
    say_addresses(fd, SA(&server), sizeof server);
    twin_greeting(fd);
    SAY(write(fd, "hello", 5));
    SAY_PEER("expect 5");
    peer("send 10");
    wait_readable(fd, 10);
    char buffer[16];
    SAY(read(fd, buffer, sizeof buffer));
    SAY(shutdown(fd, SHUT_WR));
    SAY_PEER("end");
    return 0;
}
