/*
 * A signal interrupts a read with EINTR, unless SA_RESTART is set. With SO_RCVTIMEO it is EINTR in either
 * case.
 */
#include <sys/time.h>

#include "twin.h"

static void handler(int signal)
{
    (void)signal;
    peer("send 5");
}

int main(void)
{
    twin_start();
    int fd = twin_connect();
    char buffer[64];
    struct timeval wait = {20, 0};
    for (int i = 0; i < 3; i++) {
        if (i == 2)
            SAY(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait));
        struct sigaction action = {.sa_handler = handler, .sa_flags = i ? SA_RESTART : 0};
        sigaction(SIGALRM, &action, NULL);
        pid_t child = alarm_when_waiting(ALARM_ONCE);
        long n = SAY(read(fd, buffer, sizeof buffer));
        end_alarm(child);
        if (n < 0) {
            wait_readable(fd, 5);
            SAY(read(fd, buffer, sizeof buffer));
        }
    }
    return 0;
}
