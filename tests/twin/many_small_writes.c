/*
 * Thousands of one-byte writes to a server that does not read yet are accepted. TCP counts its room in bytes,
 * and programs that write byte by byte must not stall.
 */
#include "twin.h"

int main(void)
{
    twin_start();
    int fd = twin_connect();
    fcntl(fd, F_SETFL, O_NONBLOCK);
    peer("stop");
    int taken = 0;
    for (int i = 0; i < 5000; i++) {
        unsigned char byte = pattern((size_t)i);
        wait_events(fd, POLLOUT);
        taken += write(fd, &byte, 1) == 1;
    }
    say("taken %d", taken);
    peer("go");
    SAY_PEER("expect 5000");
    return 0;
}
