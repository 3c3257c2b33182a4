/*
 * If nobody answers at all, connect() returns ETIMEDOUT. TCP_USER_TIMEOUT makes that happen soon.
 */
#include "twin.h"

int main(void)
{
    twin_start();
    struct sockaddr_in server = twin_slow();
    int fd = socket(AF_INET, SOCK_STREAM, 0), limit = 300;
    SAY(setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &limit, sizeof limit));
    SAY(connect(fd, SA(&server), sizeof server));
    say_events("after", fd);
    close(fd);

    fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    SAY(setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &limit, sizeof limit));
    SAY(connect(fd, SA(&server), sizeof server));
    wait_events(fd, POLLERR | POLLHUP | POLLOUT);
    say_events("after", fd);
    int error = -1;
    socklen_t size = sizeof error;
    SAY(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size));
    say("SO_ERROR %s", error_name(error));
    return 0;
}
