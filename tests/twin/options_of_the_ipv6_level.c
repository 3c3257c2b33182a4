/*
 * Every readable option of IPPROTO_IPV6 on an IPv6 socket, before connect() and connected.
 */
#include "options.h"

int main(void)
{
    twin_start();
    struct sockaddr_in6 server = twin_server6();
    int fd = socket(AF_INET6, SOCK_STREAM, 0);
    say("before");
    say_options(fd, IPPROTO_IPV6, 0, 63);
    say_options(fd, IPPROTO_IPV6, 70, 81);
    SAY(connect(fd, SA(&server), sizeof server));
    twin_greeting(fd);
    say_options(fd, IPPROTO_IPV6, 0, 63);
    say_options(fd, IPPROTO_IPV6, 70, 81);
    say_options(fd, IPPROTO_IP, 0, 30);
    return 0;
}
