/*
 * shutdown(SHUT_RDWR) ends both directions, and poll() reports HUP when the server has ended too. Wrong
 * arguments are errors.
 */
#include "twin.h"

int main(void)
{
    twin_start();
    int fd = twin_connect();
    char byte;
    SAY(shutdown(fd, 3));
    SAY(shutdown(fd, -1));
    SAY(write(fd, "hello", 5));
    SAY(shutdown(fd, SHUT_RDWR));
    SAY_PEER("end");
    SAY_PEER("expect 5");
    say_events("shut", fd);
    SAY(read(fd, &byte, 1));
    SAY(send(fd, "x", 1, MSG_NOSIGNAL));
    SAY(close(fd));
    return 0;
}
