/*
 * A handler jumps out of a read with siglongjmp(), the timeout of many old programs. Nothing is lost, and the
 * connection goes on.
 */
#include <setjmp.h>

#include "twin.h"

static sigjmp_buf out;

static void handler(int signal)
{
    (void)signal;
    siglongjmp(out, 1);
}

int main(void)
{
    twin_start();
    sigaction(SIGALRM, &(struct sigaction){.sa_handler = handler}, NULL);
    volatile int fd = twin_connect();
    char buffer[64];
    for (volatile int i = 0; i < 3; i++) {
        volatile pid_t child = 0;
        if (sigsetjmp(out, 1) == 0) {
            child = alarm_when_waiting(ALARM_ONCE);
            SAY(read(fd, buffer, sizeof buffer));
        } else {
            say("jumped");
        }
        end_alarm(child);
    }
    peer("send 10");
    wait_readable(fd, 10);
    SAY(read(fd, buffer, sizeof buffer));
    SAY(write(fd, "hello", 5));
    SAY_PEER("expect 5");
    return 0;
}
