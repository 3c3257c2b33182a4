/*
 * What every call returns on a connection that is still pending. Event loops read and write early and rely on
 * EAGAIN; getpeername() is a well-known way to ask whether a connection is up.
 */
#include "twin.h"

int main(void)
{
    twin_start();
    struct sockaddr_in server = twin_slow();
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), value = -1;
    char byte;
    SAY(connect(fd, SA(&server), sizeof server));
    say_addresses(fd, SA(&server), sizeof server);
    socklen_t size = sizeof value;
    SAY(getsockopt(fd, SOL_SOCKET, SO_ERROR, &value, &size));
    say("SO_ERROR %s", error_name(value));
    SAY(read(fd, &byte, 1));
    SAY(recv(fd, &byte, 1, MSG_PEEK));
    SAY(write(fd, "x", 1));
    SAY(send(fd, "x", 1, MSG_NOSIGNAL));
    SAY(sendto(fd, "x", 1, MSG_NOSIGNAL, SA(&server), sizeof server));
    SAY(ioctl(fd, FIONREAD, &value));
    say("FIONREAD %d", value);
    SAY(connect(fd, SA(&server), sizeof server));
    SAY(bind(fd, SA(&server), sizeof server));
    SAY(listen(fd, 1));
    SAY(accept(fd, NULL, NULL));
    say_events("still pending", fd);
    SAY(close(fd));
    return 0;
}
