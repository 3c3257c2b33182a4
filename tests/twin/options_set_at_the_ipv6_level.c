/*
 * Sets each option of IPPROTO_IPV6 to 1 on an IPv6 connection and reads it back. The connection goes on.
 */
#include "options.h"

int main(void)
{
    twin_start();
    struct sockaddr_in6 server = twin_server6();
    int fd = socket(AF_INET6, SOCK_STREAM, 0);
    SAY(connect(fd, SA(&server), sizeof server));
    twin_greeting(fd);
    for (int name = 0; name <= 81; name++) {
        if (name >= 64 && name <= 69)
            continue; /* ip6tables */
        if (answer_varies(IPPROTO_IPV6, name))
            continue;
        say_set_option(fd, IPPROTO_IPV6, name, 1);
        say_option(fd, IPPROTO_IPV6, name, OPTION_SIZE);
    }
    say_set_option(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, 64);
    SAY(write(fd, "hello", 5));
    SAY_PEER("expect 5");
    return 0;
}
