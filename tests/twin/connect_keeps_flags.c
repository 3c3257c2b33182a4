/*
 * connect() does not change O_NONBLOCK, O_APPEND, FD_CLOEXEC or the owner for signals. A socket that lost
 * FD_CLOEXEC leaks into children; one that lost O_NONBLOCK hangs an event loop.
 */
#include "twin.h"

static void show(int fd)
{
    SAY(fcntl(fd, F_GETFL));
    SAY(fcntl(fd, F_GETFD));
    say("owner is this process: %d", fcntl(fd, F_GETOWN) == getpid());
    SAY(fcntl(fd, F_GETSIG));
}

int main(void)
{
    twin_start();
    struct sockaddr_in server = twin_server();
    for (int i = 0; i < 4; i++) {
        int fd = socket(AF_INET, SOCK_STREAM | (i & 1 ? SOCK_CLOEXEC : 0) | (i & 2 ? SOCK_NONBLOCK : 0), 0);
        SAY(fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_APPEND | O_ASYNC));
        SAY(fcntl(fd, F_SETOWN, getpid()));
        SAY(fcntl(fd, F_SETSIG, SIGWINCH)); /* ignored by default */
        show(fd);
        SAY(connect(fd, SA(&server), sizeof server));
        show(fd);
        close(fd);
    }
    return 0;
}
