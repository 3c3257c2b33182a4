/*
 * F_SETSIG: a signal of the program's choice, with the descriptor's number and the events in it.
 */
#include "twin.h"

static volatile sig_atomic_t number = -1, band;

static void handler(int signal, siginfo_t *info, void *context)
{
    (void)signal;
    (void)context;
    if (info->si_band & POLLIN) {
        number = info->si_fd;
        band = (int)info->si_band & (POLLIN | POLLRDNORM);
    }
}

int main(void)
{
    twin_start();
    sigaction(SIGUSR1, &(struct sigaction){.sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_RESTART},
              NULL);
    int fd = twin_connect();
    SAY(fcntl(fd, F_SETOWN, getpid()));
    SAY(fcntl(fd, F_SETSIG, SIGUSR1));
    SAY(fcntl(fd, F_SETFL, O_ASYNC));
    peer("send 10");
    WAIT_FOR(number >= 0);
    say("this descriptor: %d, %s", number == fd, event_names((unsigned)band));
    return 0;
}
