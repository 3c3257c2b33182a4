/*
 * SIOCOUTQ counts what the server has not acknowledged: 0 when all has arrived, more than 0 when the path is
 * full.
 */
#include "twin.h"

int main(void)
{
    twin_start();
    int fd = twin_connect(), value = -1;
    static char data[1 << 16];
    fcntl(fd, F_SETFL, O_NONBLOCK);
    peer("stop");
    while (write(fd, data, sizeof data) > 0 || twin_events(fd) & POLLOUT)
        continue;
    SAY(ioctl(fd, TIOCOUTQ, &value));
    say("more than 0: %d", value > 0);
    peer("go");
    WAIT_FOR(ioctl(fd, TIOCOUTQ, &value) == 0 && value == 0);
    say("then 0");
    return 0;
}
