/*
 * read() reports a reset once, as ECONNRESET. Then the stream is at its end, and writing gives EPIPE. poll()
 * reports every event.
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
    say_events("reset", fd);
    SAY(read(fd, &byte, 1));
    say_events("after read", fd);
    SAY(read(fd, &byte, 1));
    SAY(send(fd, "x", 1, MSG_NOSIGNAL));
    SAY(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size));
    say("SO_ERROR %s", error_name(error));
    struct sockaddr_in server = twin_server();
    say_addresses(fd, SA(&server), sizeof server);
    SAY(shutdown(fd, SHUT_WR));
    SAY(close(fd));
    return 0;
}
