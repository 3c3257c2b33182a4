/*
 * A program closes without reading what waits. TCP then sends a reset. With TLS, the server sees a clean end.
 * The program cannot see either.
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
