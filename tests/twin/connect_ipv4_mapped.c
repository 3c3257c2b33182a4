/*
 * An AF_INET6 socket connected to ::ffff:127.0.0.1 speaks IPv4 and shows mapped addresses. Java connects all
 * its IPv4 sockets this way.
 */
#include "twin.h"

int main(void)
{
    twin_start();
    struct sockaddr_in6 server = twin_server46();
    int fd = socket(AF_INET6, SOCK_STREAM, 0), value = 0, tos = 16;
    SAY(setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &value, sizeof value));
    SAY(connect(fd, SA(&server), sizeof server));
    say_addresses(fd, SA(&server), sizeof server);
    socklen_t size = sizeof value;
    SAY(getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &value, &size));
    say("SO_DOMAIN is AF_INET6: %d", value == AF_INET6);
    SAY(setsockopt(fd, IPPROTO_IP, IP_TOS, &tos, sizeof tos));
    SAY(getsockopt(fd, IPPROTO_IP, IP_TOS, &value, &size));
    say("IP_TOS %d", value);
    twin_greeting(fd);
    SAY(write(fd, "hello", 5));
    SAY_PEER("expect 5");
    return 0;
}
