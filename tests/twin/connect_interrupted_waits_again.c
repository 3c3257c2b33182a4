/*
 * After EINTR, a blocking connect() may be called again. It then waits for the connection that is being made.
 */
#include "twin.h"

static volatile bool opens;

static void handler(int signal)
{
    (void)signal;
    if (opens)
        peer("slow open");
}

int main(void)
{
    twin_start();
    peer("hold");
    sigaction(SIGALRM, &(struct sigaction){.sa_handler = handler}, NULL);
    struct sockaddr_in server = twin_slow();
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    pid_t child = alarm_when_connecting(ALARM_AGAIN);
    SAY(connect(fd, SA(&server), sizeof server));
    end_alarm(child);
    opens = true;
    child = alarm_when_connecting(ALARM_ONCE);
    SAY(connect(fd, SA(&server), sizeof server));
    end_alarm(child);
    SAY(connect(fd, SA(&server), sizeof server));
    SAY(connect(fd, SA(&server), sizeof server));
    say_events("after", fd);
    return 0;
}
