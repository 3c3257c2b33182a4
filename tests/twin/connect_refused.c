/*
 * A refused blocking connect() returns ECONNREFUSED at once, and leaves a socket that is not connected and
 * has no other error pending. A program goes on to its next address only if connect() itself fails.
 */
#include "twin.h"

int main(void)
{
    twin_start();
    struct sockaddr_in server = twin_refusing();
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    SAY(connect(fd, SA(&server), sizeof server));
    say_events("after", fd);
    int error = -1;
    socklen_t size = sizeof error;
    SAY(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size));
    say("SO_ERROR %s", error_name(error));
    say_addresses(fd, SA(&server), sizeof server);
    char byte;
    SAY(recv(fd, &byte, 1, MSG_DONTWAIT));
    SAY(send(fd, "x", 1, MSG_DONTWAIT | MSG_NOSIGNAL));
    SAY(close(fd));
    return 0;
}
