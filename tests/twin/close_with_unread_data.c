/*
 * A program closes without reading what waits. TCP tells the server by a reset; with TLS it is told the end,
 * which the program cannot see either way.
 *
 *     plain:    peer("end") = reset
 *     switched: peer("end") = eof
 *     because the relay has taken the data off the network: it sends close_notify and ends.
 */
#include "twin.h"

int main(void)
{
    twin_start();
    int fd = twin_connect();
    peer("send 10");
    wait_readable(fd, 10);
    SAY(write(fd, "hello", 5));
    SAY_PEER("expect 5");
    SAY(close(fd));
    SAY_PEER("end");
    return 0;
}
