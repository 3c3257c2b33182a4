/*
 * With F_SETSIG, a signal of O_ASYNC says which descriptor it is about, and what happened there. Old event
 * loops are built on it.
 */
#include "twin.h"

static volatile sig_atomic_t count, about, bands;

static void handler(int signal, siginfo_t *info, void *context)
{
    (void)signal;
    (void)context;
    about = info->si_fd;
    bands |= (int)info->si_band;
    count++;
}

static void say_signal(const char *what, int fd, int band)
{
    WAIT_FOR(count > 0 && bands & band && about == fd);
    say("signal for %s, of the descriptor", what);
    count = bands = 0;
}

int main(void)
{
    twin_start();
    sigaction(SIGRTMIN, &(struct sigaction){.sa_sigaction = handler, .sa_flags = SA_RESTART | SA_SIGINFO},
              NULL);
    struct sockaddr_in server = twin_server();
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct f_owner_ex owner = {F_OWNER_TID, getpid()}, now = {0, 0};
    SAY(fcntl(fd, F_SETOWN_EX, &owner));
    SAY(fcntl(fd, F_SETSIG, SIGRTMIN));
    SAY(fcntl(fd, F_SETFL, O_ASYNC));
    SAY(connect(fd, SA(&server), sizeof server));
    twin_greeting(fd);
    SAY(fcntl(fd, F_GETOWN_EX, &now));
    say("owner: %s %s", now.type == F_OWNER_TID ? "thread" : "other",
        now.pid == getpid() ? "this" : "another");
    say("signal: %s", fcntl(fd, F_GETSIG) == SIGRTMIN ? "as set" : "another");
    count = bands = 0;
    peer("send 10");
    say_signal("data", fd, POLLIN);
    /* Also set on the connection itself, through a duplicate. */
    int copy = dup(fd);
    SAY(fcntl(fd, F_SETFL, 0));
    SAY(fcntl(copy, F_SETFL, O_ASYNC));
    count = bands = 0;
    peer("send 10");
    say_signal("more data", copy, POLLIN);
    return 0;
}
