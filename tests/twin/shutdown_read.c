/*
 * shutdown(SHUT_RD): reading returns what is there, then the end. Writing goes on, and the server does not
 * notice.
 */
#include "twin.h"

int main(void)
{
    twin_start();
    int fd = twin_connect();
    char buffer[64];
    peer("send 10");
    wait_readable(fd, 10);
    SAY(shutdown(fd, SHUT_RD));
    say_events("shut", fd);
    SAY(read(fd, buffer, sizeof buffer));
    SAY(read(fd, buffer, sizeof buffer));
    SAY(write(fd, "hello", 5));
    SAY_PEER("expect 5");
    SAY(shutdown(fd, SHUT_RD));
    say_events("still", fd);
    SAY(shutdown(fd, SHUT_WR));
    say_events("both", fd);
    SAY_PEER("end");
    return 0;
}
