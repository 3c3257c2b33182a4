/*
 * EINTR, and then the server refuses: the next connect() tells it.
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
    struct sockaddr_in server = twin_slow();
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    setitimer(ITIMER_REAL, &(struct itimerval){.it_value = {0, 50000}}, NULL);
    SAY(connect(fd, SA(&server), sizeof server));
    peer("slow refuse");
    SAY(connect(fd, SA(&server), sizeof server));
    SAY(connect(fd, SA(&server), sizeof server));
    say_events("after", fd);
    return 0;
}
