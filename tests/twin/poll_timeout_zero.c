/*
 * poll() without waiting, as fdm and curl use it to probe: it never reports false readiness, and true
 * readiness at once.
 */
#include "twin.h"

int main(void)
{
    twin_start();
    int fd = twin_connect();
    char buffer[16];
    struct pollfd p[3] = {{fd, POLLIN, 0}, {fd, POLLOUT, 0}, {-1, POLLIN, 0}};
    SAY(poll(p, 3, 0));
    say("%s; %s", event_names((unsigned)p[0].revents), p[1].revents == POLLOUT ? "OUT" : "other");
    SAY(poll(p, 1, 0));
    peer("send 10");
    wait_readable(fd, 10);
    SAY(poll(p, 1, 0));
    SAY(read(fd, buffer, sizeof buffer));
    SAY(poll(p, 1, 0));
    p[0].events = POLLPRI;
    SAY(poll(p, 1, 0));
    p[0].events = 0;
    SAY(poll(p, 1, 0));
    return 0;
}
