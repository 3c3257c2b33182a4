/*
 * The same with select(): nothing while pending, only writable when TCP is up. Perl's IO::Socket and swaks
 * wait this way.
 */
#include <sys/select.h>

#include "twin.h"

static void look(int fd, int seconds)
{
    fd_set in, out, err;
    FD_ZERO(&in);
    FD_ZERO(&out);
    FD_ZERO(&err);
    FD_SET(fd, &in);
    FD_SET(fd, &out);
    FD_SET(fd, &err);
    struct timeval wait = {seconds, 0};
    int n = select(fd + 1, &in, &out, &err, &wait);
    say("select = %d:%s%s%s", n, n > 0 && FD_ISSET(fd, &in) ? " in" : "",
        n > 0 && FD_ISSET(fd, &out) ? " out" : "", n > 0 && FD_ISSET(fd, &err) ? " err" : "");
}

int main(void)
{
    twin_start();
    peer("hold");
    struct sockaddr_in server = twin_slow();
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    SAY(connect(fd, SA(&server), sizeof server));
    look(fd, 0);
    peer("slow open");
    look(fd, 20);
    peer("greet");
    wait_events(fd, POLLIN);
    look(fd, 0);
    return 0;
}
