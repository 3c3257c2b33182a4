/*
 * With IPV6_V6ONLY set, a mapped address is unreachable, and nothing goes out.
 */
#include "twin.h"

int main(void)
{
    twin_start();
    struct sockaddr_in6 server = twin_server46();
    int fd = socket(AF_INET6, SOCK_STREAM, 0), one = 1;
    SAY(setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one));
    SAY(connect(fd, SA(&server), sizeof server));
    say_events("after", fd);
    return 0;
}
