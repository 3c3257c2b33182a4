/*
 * If SO_ERROR has returned a reset, read() does not report it again.
 */
#include "twin.h"

int main(void)
{
    twin_start();
    int fd = twin_connect(), error = -1;
    socklen_t size = sizeof error;
    char byte;
    peer("reset");
    wait_events(fd, POLLHUP);
    SAY(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size));
    say("SO_ERROR %s", error_name(error));
    say_events("asked", fd);
    SAY(read(fd, &byte, 1));
    SAY(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size));
    say("SO_ERROR %s", error_name(error));
    return 0;
}
