/*
 * After the server's end, after both ends, and after a reset, connect() still treats the socket as connected:
 * EISCONN. Only a new socket (or AF_UNSPEC) starts afresh.
 */
#include "twin.h"

int main(void)
{
    twin_start();
    struct sockaddr_in server = twin_server();
    int fd = twin_connect();
    peer("half");
    wait_events(fd, POLLRDHUP);
    SAY(connect(fd, SA(&server), sizeof server));
    SAY(shutdown(fd, SHUT_WR));
    SAY_PEER("end");
    wait_events(fd, POLLHUP);
    SAY(connect(fd, SA(&server), sizeof server));
    close(fd);

    fd = twin_connect();
    peer("reset");
    wait_events(fd, POLLHUP);
    char byte;
    SAY(read(fd, &byte, 1));
    SAY(connect(fd, SA(&server), sizeof server));
    SAY(connect(fd, SA(&server), sizeof server));
    return 0;
}
