/*
 * shutdown(SHUT_WR) shows the server the end, and the answer can still be read (rsh, nc -N, HTTP/1.0 clients,
 * and mail filters that stream).
 */
#include "twin.h"

int main(void)
{
    twin_start();
    int fd = twin_connect();
    char buffer[64];
    SAY(write(fd, "hello", 5));
    SAY(shutdown(fd, SHUT_WR));
    SAY_PEER("end");
    SAY_PEER("expect 5");
    say_events("ended", fd);
    SAY(shutdown(fd, SHUT_WR));
    peer("send 10");
    wait_readable(fd, 10);
    SAY(read(fd, buffer, sizeof buffer));
    say("as sent: %d", is_pattern(buffer, 0, 10));
    peer("half");
    wait_events(fd, POLLRDHUP);
    say_events("both ended", fd);
    SAY(read(fd, buffer, sizeof buffer));
    SAY(close(fd));
    return 0;
}
