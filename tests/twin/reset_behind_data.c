/*
 * A reset after unread data: the data comes first, then ECONNRESET, once.
 */
#include "twin.h"

int main(void)
{
    twin_start();
    int fd = twin_connect();
    char buffer[64];
    peer("send 10");
    wait_readable(fd, 10);
    peer("reset");
    wait_events(fd, POLLHUP);
    say_events("reset", fd);
    SAY(recv(fd, buffer, sizeof buffer, MSG_DONTWAIT));
    SAY(recv(fd, buffer, sizeof buffer, MSG_DONTWAIT));
    SAY(recv(fd, buffer, sizeof buffer, MSG_DONTWAIT));
    return 0;
}
