/*
 * A read or write returns the refusal of a pending connection, once. Then the socket is at its end, and
 * writing is a broken pipe. Loops that skip SO_ERROR notice the failure this way.
 */
#include "twin.h"

static void broken(int signal)
{
    say("signal %d", signal);
}

int main(void)
{
    twin_start();
    signal(SIGPIPE, broken);
    struct sockaddr_in server = twin_refusing();
    char byte;
    for (int i = 0; i < 2; i++) {
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        SAY(connect(fd, SA(&server), sizeof server));
        wait_events(fd, POLLOUT);
        if (i) {
            SAY(write(fd, "x", 1));
            SAY(read(fd, &byte, 1));
        } else {
            SAY(read(fd, &byte, 1));
            SAY(read(fd, &byte, 1));
        }
        SAY(write(fd, "x", 1));
        SAY(send(fd, "x", 1, MSG_NOSIGNAL));
        say_events("after", fd);
        SAY(close(fd));
    }
    return 0;
}
