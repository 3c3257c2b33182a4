/*
 * Addresses that cannot be reached fail at once, each with the kernel's own error, which programs show to
 * people and use to choose the next address.
 */
#include <arpa/inet.h>

#include "twin.h"

static void try4(const char *to, const char *from, int flags)
{
    struct sockaddr_in server = twin_server(), local = {.sin_family = AF_INET};
    int fd = socket(AF_INET, SOCK_STREAM | flags, 0);
    if (from) {
        inet_pton(AF_INET, from, &local.sin_addr);
        bind(fd, SA(&local), sizeof local);
    }
    inet_pton(AF_INET, to, &server.sin_addr);
    say("%s from %s%s:", to, from ? from : "any", flags ? ", nonblocking" : "");
    SAY(connect(fd, SA(&server), sizeof server));
    say_events("after", fd);
    close(fd);
}

static void try6(const char *to)
{
    struct sockaddr_in6 server = twin_server6();
    int fd = socket(AF_INET6, SOCK_STREAM, 0);
    inet_pton(AF_INET6, to, &server.sin6_addr);
    say("%s:", to);
    SAY(connect(fd, SA(&server), sizeof server));
    say_events("after", fd);
    close(fd);
}

int main(void)
{
    twin_start();
    for (int flags = 0; flags <= SOCK_NONBLOCK; flags += SOCK_NONBLOCK) {
        try4("255.255.255.255", NULL, flags);
        try4("224.0.0.1", NULL, flags);
        try4("192.0.2.1", "127.0.0.1", flags);
    }
    try6("fe80::1");
    try6("ff02::1");
    return 0;
}
