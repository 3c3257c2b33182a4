/*
 * O_ASYNC, set before connect(): the owner gets SIGIO for the greeting, for data and for the end.
 */
#include "twin.h"

static volatile sig_atomic_t count;

static void handler(int signal)
{
    (void)signal;
    count++;
}

static void wait_signal(const char *what)
{
    WAIT_FOR(count > 0);
    say("SIGIO for %s", what);
}

int main(void)
{
    twin_start();
    peer("hold");
    sigaction(SIGIO, &(struct sigaction){.sa_handler = handler, .sa_flags = SA_RESTART}, NULL);
    struct sockaddr_in server = twin_server();
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    SAY(fcntl(fd, F_SETOWN, getpid()));
    SAY(fcntl(fd, F_SETFL, O_NONBLOCK | O_ASYNC));
    SAY(connect(fd, SA(&server), sizeof server));
    wait_signal("the connection");
    wait_events(fd, POLLOUT);
    count = 0;
    peer("greet");
    wait_signal("the greeting");
    wait_events(fd, POLLIN);
    twin_greeting(fd);
    count = 0;
    peer("send 10");
    wait_signal("data");
    wait_readable(fd, 10);
    char buffer[16];
    SAY(read(fd, buffer, sizeof buffer));
    count = 0;
    peer("half");
    wait_signal("the end");
    return 0;
}
