/*
 * After EINTR a blocking connect() may be called again: it waits for the connection that is under way.
 */
#include <sys/time.h>

#include "twin.h"

static void handler(int signal)
{
    static volatile int count;
    (void)signal;
    if (++count == 2)
        peer("slow open");
}

int main(void)
{
    twin_start();
    peer("hold");
    sigaction(SIGALRM, &(struct sigaction){.sa_handler = handler}, NULL);
    struct sockaddr_in server = twin_slow();
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    setitimer(ITIMER_REAL, &(struct itimerval){.it_value = {0, 50000}}, NULL);
    SAY(connect(fd, SA(&server), sizeof server));
    setitimer(ITIMER_REAL, &(struct itimerval){.it_value = {0, 50000}}, NULL);
    SAY(connect(fd, SA(&server), sizeof server));
    SAY(connect(fd, SA(&server), sizeof server));
    SAY(connect(fd, SA(&server), sizeof server));
    say_events("after", fd);
    return 0;
}
