/*
 * read() returns what is there, up to the buffer's size, and leaves the rest. A read of 0 bytes returns 0.
 */
#include "twin.h"

int main(void)
{
    twin_start();
    int fd = twin_connect();
    char buffer[64];
    peer("send 30");
    wait_readable(fd, 30);
    SAY(read(fd, buffer, 0));
    SAY(read(fd, buffer, 10));
    say("as sent: %d", is_pattern(buffer, 0, 10));
    SAY(recv(fd, buffer, 5, 0));
    say("as sent: %d", is_pattern(buffer, 10, 5));
    SAY(read(fd, buffer, sizeof buffer));
    say("as sent: %d", is_pattern(buffer, 15, 15));
    fcntl(fd, F_SETFL, O_NONBLOCK);
    SAY(read(fd, buffer, sizeof buffer));
    SAY(read(fd, buffer, 0));
    SAY(recv(fd, buffer, 0, 0));
    return 0;
}
