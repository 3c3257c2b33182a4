/*
 * The ioctls of a TCP socket: bytes to read, bytes not sent, the mark, the owner; and ioctls that it does not
 * have.
 */
#include <linux/sockios.h>
#include <termios.h>

#include "twin.h"

int main(void)
{
    twin_start();
    int fd = twin_connect(), value = -1;
    SAY(ioctl(fd, FIONREAD, &value));
    say("FIONREAD %d", value);
    peer("send 10");
    wait_readable(fd, 10);
    SAY(ioctl(fd, FIONREAD, &value));
    say("FIONREAD %d", value);
    SAY(ioctl(fd, SIOCINQ, &value));
    say("SIOCINQ %d", value);
    SAY(write(fd, "hello", 5));
    SAY_PEER("expect 5");
    WAIT_FOR(ioctl(fd, SIOCOUTQ, &value) == 0 && value == 0);
    say("SIOCOUTQ %d", value);
    SAY(ioctl(fd, TIOCOUTQ, &value));
    say("TIOCOUTQ %d", value);
    SAY(ioctl(fd, SIOCOUTQNSD, &value));
    say("SIOCOUTQNSD %d", value);
    SAY(ioctl(fd, SIOCATMARK, &value));
    say("SIOCATMARK %d", value);
    SAY(ioctl(fd, SIOCGPGRP, &value));
    say("SIOCGPGRP %d", value);
    value = getpid();
    SAY(ioctl(fd, SIOCSPGRP, &value));
    value = 1;
    SAY(ioctl(fd, FIOASYNC, &value));
    value = 0;
    SAY(ioctl(fd, FIOASYNC, &value));
    struct termios terminal;
    SAY(ioctl(fd, TCGETS, &terminal));
    SAY(ioctl(fd, TIOCGWINSZ, &terminal));
    SAY(ioctl(fd, 0x12345678, &value));
    SAY(ioctl(fd, FIONREAD, NULL));
    return 0;
}
