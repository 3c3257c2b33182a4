/*
 * A blocking connect() that succeeds leaves a socket that knows both its addresses, has no pending error and
 * can be written to. Programs log their peer, and bind further sockets to the local address.
 */
#include "twin.h"

int main(void)
{
    twin_start();
    peer("hold");
    struct sockaddr_in server = twin_server();
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    SAY(connect(fd, SA(&server), sizeof server));
    say_events("after", fd);
    say_addresses(fd, SA(&server), sizeof server);
    int error = -1;
    socklen_t size = sizeof error;
    SAY(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size));
    say("SO_ERROR %s, size %u", error_name(error), size);
    SAY(connect(fd, SA(&server), sizeof server));
    SAY(close(fd));
    return 0;
}
