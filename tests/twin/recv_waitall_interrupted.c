/*
 * A signal ends MSG_WAITALL with what has come so far, or with EINTR if nothing has.
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
    int fd = twin_connect();
    char buffer[64];
    pid_t child = alarm_when_waiting(ALARM_ONCE);
    SAY(recv(fd, buffer, sizeof buffer, MSG_WAITALL));
    end_alarm(child);
    peer("send 10");
    wait_readable(fd, 10);
    child = alarm_when_waiting(ALARM_ONCE);
    SAY(recv(fd, buffer, sizeof buffer, MSG_WAITALL));
    end_alarm(child);
    say("as sent: %d", is_pattern(buffer, 0, 10));
    child = alarm_when_waiting(ALARM_ONCE);
    SAY(read(fd, buffer, sizeof buffer));
    end_alarm(child);
    return 0;
}
