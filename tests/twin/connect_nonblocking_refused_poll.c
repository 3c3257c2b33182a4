/*
 * When a nonblocking connect() is refused, poll() wakes with every event, and SO_ERROR reports the error
 * once. curl, node and GLib then decide which address to try next.
 */
#include "twin.h"

int main(void)
{
    twin_start();
    struct sockaddr_in server = twin_slow();
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    SAY(connect(fd, SA(&server), sizeof server));
    say_events("pending", fd);
    SAY_PEER("slow refuse");
    struct pollfd p = {fd, POLLOUT, 0};
    SAY(poll(&p, 1, 20000));
    say("an error: %d", !!(p.revents & POLLERR));
    wait_events(fd, POLLOUT); /* on a UNIX socket it comes a moment later, in the peer's close() */
    SAY(poll(&p, 1, 0));
    say("poll for OUT: %s", event_names((unsigned)p.revents));
    say_events("refused", fd);
    for (int i = 0; i < 2; i++) {
        int error = -1;
        socklen_t size = sizeof error;
        SAY(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size));
        say("SO_ERROR %s, size %u", error_name(error), size);
        say_events("then", fd);
    }
    say_addresses(fd, SA(&server), sizeof server);
    return 0;
}
