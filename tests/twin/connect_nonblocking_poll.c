/*
 * A nonblocking connect() returns EINPROGRESS. While it is pending, poll() reports nothing. When TCP is up,
 * the socket becomes writable, with SO_ERROR 0. If a socket looks writable too early, the program writes too
 * early; if it looks broken, the program gives it up.
 */
#include "twin.h"

int main(void)
{
    twin_start();
    peer("hold");
    struct sockaddr_in server = twin_slow();
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    SAY(connect(fd, SA(&server), sizeof server));
    say_events("pending", fd);
    struct pollfd p = {fd, POLLIN | POLLOUT, 0};
    SAY(poll(&p, 1, 20));
    SAY_PEER("slow open");
    SAY(poll(&p, 1, 20000));
    say("poll: %s", event_names((unsigned)p.revents));
    say_events("connected", fd);
    int error = -1;
    socklen_t size = sizeof error;
    SAY(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size));
    say("SO_ERROR %s", error_name(error));
    say_addresses(fd, SA(&server), sizeof server);
    return 0;
}
