/*
 * With _FORTIFY_SOURCE, read() and recv() become __read_chk() and __recv_chk() if the compiler knows the
 * buffer but not the length. They behave the same.
 */
#include <sys/uio.h>

#include "twin.h"

int main(void)
{
    twin_start();
    int fd = twin_connect();
    char buffer[16];
    volatile size_t length = 8;
    peer("send 20");
    wait_readable(fd, 20);
    SAY(read(fd, buffer, length));
    SAY(recv(fd, buffer, length, 0));
    SAY(recvfrom(fd, buffer, length, 0, NULL, NULL));
    say("as sent: %d", is_pattern(buffer, 16, 4));
    SAY(recv(fd, buffer, length, MSG_DONTWAIT));
    struct pollfd p[2] = {{fd, POLLIN, 0}, {fd, POLLOUT, 0}};
    volatile nfds_t count = 2;
    SAY(poll(p, count, 0));
    return 0;
}
