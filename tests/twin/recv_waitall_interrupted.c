/*
 * A signal ends MSG_WAITALL with what has come so far, and with EINTR where nothing has.
 */
#include <sys/time.h>

#include "twin.h"

static void handler(int signal)
{
    (void)signal;
}

int main(void)
{
    twin_start();
    sigaction(SIGALRM, &(struct sigaction){.sa_handler = handler}, NULL);
    int fd = twin_connect();
    char buffer[64];
    struct itimerval soon = {.it_value = {0, 50000}};
    setitimer(ITIMER_REAL, &soon, NULL);
    SAY(recv(fd, buffer, sizeof buffer, MSG_WAITALL));
    peer("send 10");
    wait_readable(fd, 10);
    setitimer(ITIMER_REAL, &soon, NULL);
    SAY(recv(fd, buffer, sizeof buffer, MSG_WAITALL));
    say("as sent: %d", is_pattern(buffer, 0, 10));
    setitimer(ITIMER_REAL, &soon, NULL);
    SAY(read(fd, buffer, sizeof buffer));
    return 0;
}
