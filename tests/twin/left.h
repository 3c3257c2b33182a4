/* For programs that leave connect() by a handler's siglongjmp(). */
#ifndef RETROTLS_TWIN_LEFT_H
#define RETROTLS_TWIN_LEFT_H

#include <setjmp.h>

#include "twin.h"

static sigjmp_buf left_out;

static void leave(int signal)
{
    (void)signal;
    siglongjmp(left_out, 1);
}

/* Starts a blocking connect() to a server that does not answer, and leaves it as soon as it waits. */
static void connect_and_leave(int fd, const struct sockaddr_in *server)
{
    pid_t alarm;

    sigaction(SIGALRM, &(struct sigaction){.sa_handler = leave}, NULL);
    alarm = alarm_when_connecting(ALARM_ONCE);
    if (sigsetjmp(left_out, 1) == 0)
        SAY(connect(fd, SA(server), sizeof *server));
    end_alarm(alarm);
}

#endif
