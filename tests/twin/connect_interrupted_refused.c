/*
 * EINTR, and then the server refuses: the next connect() returns that error.
 */
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
    pid_t child = alarm_when_connecting(ALARM_AGAIN);
    SAY(connect(fd, SA(&server), sizeof server));
    end_alarm(child);
    peer("slow refuse");
    SAY(connect(fd, SA(&server), sizeof server));
    SAY(connect(fd, SA(&server), sizeof server));
    say_events("after", fd);
    return 0;
}
