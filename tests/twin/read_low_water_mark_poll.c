/*
 * With SO_RCVLOWAT set, poll() does not report fewer bytes than that.
 *
 *     plain:    events 3 of 10 bytes: OUT WRNORM
 *     switched: events 3 of 10 bytes: IN OUT RDNORM WRNORM
 *     because for poll(), the kernel heeds SO_RCVLOWAT only on TCP sockets. A read heeds it on both.
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
