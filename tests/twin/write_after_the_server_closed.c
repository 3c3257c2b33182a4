/*
 * The server has closed completely. The first write is accepted, the answer is a reset, and more writes give
 * EPIPE with SIGPIPE. Reading still gives the clean end.
 */
#include "twin.h"

static void handler(int signal)
{
    say("signal %d", signal);
}

int main(void)
{
    twin_start();
    signal(SIGPIPE, handler);
    int fd = twin_connect();
    char byte;
    peer("close");
    wait_events(fd, POLLRDHUP);
    say_events("closed", fd);
    SAY(read(fd, &byte, 1));
    SAY(write(fd, "x", 1));
    wait_events(fd, POLLHUP);
    SAY(write(fd, "x", 1));
    SAY(write(fd, "x", 1));
    SAY(read(fd, &byte, 1));
    return 0;
}
