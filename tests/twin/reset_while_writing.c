/*
 * write() is the first to notice a reset: ECONNRESET, then EPIPE with SIGPIPE.
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
    peer("reset");
    wait_events(fd, POLLHUP);
    SAY(write(fd, "x", 1));
    SAY(write(fd, "x", 1));
    SAY(read(fd, &byte, 1));
    return 0;
}
