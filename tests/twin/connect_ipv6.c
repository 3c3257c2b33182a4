/*
 * A connection over IPv6 shows IPv6 addresses of 28 bytes.
 */
#include "twin.h"

int main(void)
{
    twin_start();
    struct sockaddr_in6 server = twin_server6();
    int fd = socket(AF_INET6, SOCK_STREAM, 0);
    SAY(connect(fd, SA(&server), sizeof server));
    say_addresses(fd, SA(&server), sizeof server);
    int value = -1;
    socklen_t size = sizeof value;
    SAY(getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &value, &size));
    say("SO_DOMAIN is AF_INET6: %d", value == AF_INET6);
    twin_greeting(fd);
    SAY(write(fd, "hello", 5));
    SAY_PEER("expect 5");
    return 0;
}
