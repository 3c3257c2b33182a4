/*
 * With SA_RESTART a blocking connect() goes on after the handler, and returns when TCP is up.
 */
#include "twin.h"

static void handler(int signal)
{
    (void)signal;
    say("handler");
    peer("slow open");
}

int main(void)
{
    twin_start();
    peer("hold");
    sigaction(SIGALRM, &(struct sigaction){.sa_handler = handler, .sa_flags = SA_RESTART}, NULL);
    struct sockaddr_in server = twin_slow();
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    pid_t child = alarm_when_connecting(ALARM_ONCE);
    SAY(connect(fd, SA(&server), sizeof server));
    end_alarm(child);
    say_events("after", fd);
    SAY(connect(fd, SA(&server), sizeof server));
    peer("greet");
    twin_greeting(fd);
    return 0;
}
