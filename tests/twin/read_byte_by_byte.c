/*
 * Reads a line one byte at a time, as bash, tcpclient's scripts and many small programs do, with FIONREAD
 * after each byte: it counts down to 0 with nothing left over.
 */
#include "twin.h"

int main(void)
{
    twin_start();
    int fd = twin_connect(), left;
    peer("say +OK 3 messages");
    wait_readable(fd, 16);
    char byte = 0;
    while (byte != '\n' && read(fd, &byte, 1) == 1) {
        ioctl(fd, FIONREAD, &left);
        say("%d, then %d bytes", byte, left);
    }
    say_events("at last", fd);
    return 0;
}
