/*
 * On a fast network the refusal arrives before connect() returns. connect() still returns EINPROGRESS, and
 * SO_ERROR reports the error. A program that handles immediate errors differently would otherwise take
 * another path.
 */
#include "twin.h"

int main(void)
{
    twin_start();
    struct sockaddr_in server = twin_refusing();
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    SAY(connect(fd, SA(&server), sizeof server));
    struct pollfd p = {fd, POLLOUT, 0};
    SAY(poll(&p, 1, 20000));
    say("an error: %d", !!(p.revents & POLLERR));
    wait_events(fd, POLLOUT); /* on a UNIX socket it comes a moment later, in the peer's close() */
    SAY(poll(&p, 1, 0));
    say("poll for OUT: %s", event_names((unsigned)p.revents));
    int error = -1;
    socklen_t size = sizeof error;
    SAY(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size));
    say("SO_ERROR %s", error_name(error));
    return 0;
}
