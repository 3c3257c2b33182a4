/*
 * MSG_PEEK sees across the border between two segments, and so does a read.
 */
#include "twin.h"

int main(void)
{
    twin_start();
    int fd = twin_connect();
    char buffer[64];
    peer("send 10");
    wait_readable(fd, 10);
    peer("send 10");
    wait_readable(fd, 20);
    peer("send 10");
    wait_readable(fd, 30);
    SAY(recv(fd, buffer, sizeof buffer, MSG_PEEK));
    say("as sent: %d", is_pattern(buffer, 0, 30));
    SAY(recv(fd, buffer, 15, MSG_PEEK));
    SAY(recv(fd, buffer, 15, 0));
    SAY(recv(fd, buffer, sizeof buffer, MSG_PEEK));
    say("as sent: %d", is_pattern(buffer, 15, 15));
    SAY(read(fd, buffer, sizeof buffer));
    return 0;
}
