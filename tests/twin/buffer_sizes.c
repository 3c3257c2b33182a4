/*
 * The kernel doubles SO_RCVBUF and SO_SNDBUF, and has a minimum for them. Even with a small send buffer, the
 * connection must become writable.
 */
#include "options.h"

int main(void)
{
    twin_start();
    int fd = twin_connect();
    static const int sizes[] = {0, 1, 1000, 4096, 20000, 65536, 100000};
    for (size_t i = 0; i < COUNT(sizes); i++) {
        say_set_option(fd, SOL_SOCKET, SO_SNDBUF, sizes[i]);
        say("SO_SNDBUF %d", option(fd, SOL_SOCKET, SO_SNDBUF));
        say_set_option(fd, SOL_SOCKET, SO_RCVBUF, sizes[i]);
        say("SO_RCVBUF %d", option(fd, SOL_SOCKET, SO_RCVBUF));
        say_events("writable", fd);
        SAY(write(fd, "hello", 5));
        SAY_PEER("expect %d", 5 * ((int)i + 1));
        wait_events(fd, POLLOUT);
    }
    return 0;
}
