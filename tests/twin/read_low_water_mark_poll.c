/*
 * With SO_RCVLOWAT set, poll() is silent for less than that.
 */
#include "options.h"

int main(void)
{
    twin_start();
    int fd = twin_connect();
    say_set_option(fd, SOL_SOCKET, SO_RCVLOWAT, 10);
    peer("send 3");
    wait_readable(fd, 3);
    say_events("3 of 10 bytes", fd);
    return 0;
}
