/*
 * SO_RCVLOWAT: poll() and a blocking read wait for that many bytes, or for the end.
 */
#include "options.h"

int main(void)
{
    twin_start();
    int fd = twin_connect();
    char buffer[64];
    say_set_option(fd, SOL_SOCKET, SO_RCVLOWAT, 10);
    say("SO_RCVLOWAT %d", option(fd, SOL_SOCKET, SO_RCVLOWAT));
    peer("send 10");
    wait_readable(fd, 10);
    say_events("10 bytes", fd);
    SAY(read(fd, buffer, sizeof buffer));
    peer("send 3");
    wait_readable(fd, 3);
    SAY(recv(fd, buffer, sizeof buffer, MSG_DONTWAIT));
    peer("half");
    wait_events(fd, POLLRDHUP);
    SAY(recv(fd, buffer, sizeof buffer, MSG_DONTWAIT));
    SAY(recv(fd, buffer, sizeof buffer, MSG_DONTWAIT));
    return 0;
}
