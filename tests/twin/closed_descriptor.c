/*
 * After close(), each call returns EBADF. The number is free for the next descriptor, which is an ordinary
 * one.
 */
#include "twin.h"

int main(void)
{
    twin_start();
    int fd = twin_connect();
    char byte;
    socklen_t size = sizeof byte;
    SAY(close(fd));
    SAY(close(fd));
    SAY(read(fd, &byte, 1));
    SAY(write(fd, &byte, 1));
    SAY(getpeername(fd, SA(&byte), &size));
    SAY(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &byte, &size));
    say("the number is taken again: %d", open("/dev/null", O_RDWR) == fd);
    SAY(read(fd, &byte, 1));
    SAY(write(fd, &byte, 1));
    SAY(getpeername(fd, SA(&byte), &size));
    SAY(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &byte, &size));
    SAY(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &byte, 1));
    SAY(shutdown(fd, SHUT_WR));
    return 0;
}
