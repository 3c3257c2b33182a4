/*
 * A pending connection over IPv6 already has its own address, but no peer.
 */
#include "twin.h"

int main(void)
{
    twin_start();
    struct sockaddr_in6 server = twin_server6();
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK, 0);
    SAY(connect(fd, SA(&server), sizeof server));
    wait_events(fd, POLLOUT);
    say_addresses(fd, SA(&server), sizeof server);
    SAY(connect(fd, SA(&server), sizeof server));
    SAY(connect(fd, SA(&server), sizeof server));
    twin_greeting(fd);
    return 0;
}
