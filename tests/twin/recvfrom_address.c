/*
 * What recvfrom() on a TCP connection does to the address and its length: a program that takes the result for
 * the sender must see the same.
 */
#include "twin.h"

int main(void)
{
    twin_start();
    int fd = twin_connect();
    char buffer[16];
    struct sockaddr_storage from;
    memset(&from, 0x5a, sizeof from);
    socklen_t size = sizeof from;
    peer("send 10");
    wait_readable(fd, 10);
    SAY(recvfrom(fd, buffer, 4, 0, SA(&from), &size));
    say("length %u, first byte %d", size, *(unsigned char *)&from);
    size = 4;
    SAY(recvfrom(fd, buffer, 4, 0, SA(&from), &size));
    say("length %u, first byte %d", size, *(unsigned char *)&from);
    SAY(recvfrom(fd, buffer, 4, 0, NULL, NULL));
    peer("half");
    wait_events(fd, POLLRDHUP);
    size = sizeof from;
    SAY(recvfrom(fd, buffer, 4, 0, SA(&from), &size));
    say("length %u, first byte %d", size, *(unsigned char *)&from);
    return 0;
}
