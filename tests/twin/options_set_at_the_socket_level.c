/*
 * Sets each option of SOL_SOCKET to 1 on a connection and reads it back. The connection goes on.
 */
#include "options.h"

int main(void)
{
    twin_start();
    int fd = twin_connect();
    for (int name = 0; name <= 83; name++) {
        if (name == SO_ATTACH_FILTER || name == 60 /* SO_ZEROCOPY */)
            continue; /* each has a test of its own */
        say_set_option(fd, SOL_SOCKET, name, 1);
        say_option(fd, SOL_SOCKET, name, OPTION_SIZE);
    }
    SAY(write(fd, "hello", 5));
    SAY_PEER("expect 5");
    char buffer[16];
    peer("send 10");
    wait_readable(fd, 10);
    SAY(read(fd, buffer, sizeof buffer));
    return 0;
}
