/*
 * The server ends its direction. What it sent is read first, then read() returns 0, again and again. poll()
 * reports IN and RDHUP but no HUP, because the program may still write.
 */
#include "twin.h"

int main(void)
{
    twin_start();
    int fd = twin_connect();
    char buffer[64];
    peer("send 10");
    peer("half");
    wait_events(fd, POLLRDHUP);
    say_events("with data", fd);
    SAY(read(fd, buffer, 4));
    SAY(read(fd, buffer, sizeof buffer));
    say_events("at the end", fd);
    for (int i = 0; i < 3; i++)
        SAY(read(fd, buffer, sizeof buffer));
    SAY(recv(fd, buffer, sizeof buffer, MSG_PEEK | MSG_DONTWAIT));
    int left = -1;
    SAY(ioctl(fd, FIONREAD, &left));
    say("left %d", left);
    SAY(write(fd, "hello", 5));
    SAY_PEER("expect 5");
    say_events("after a write", fd);
    SAY(shutdown(fd, SHUT_WR));
    SAY_PEER("end");
    say_events("both ended", fd);
    SAY(close(fd));
    return 0;
}
