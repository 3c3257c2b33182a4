/*
 * A nonblocking connect() says EINPROGRESS; while it is pending poll() is silent, and when TCP is up the
 * socket becomes writable, with SO_ERROR 0. A socket that looks writable too early is written to too early;
 * one that looks broken is given up.
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
