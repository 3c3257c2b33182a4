/* For programs whose connect() is left by a handler's siglongjmp(). */
#ifndef RETROTLS_TWIN_LEFT_H
#define RETROTLS_TWIN_LEFT_H

#include <setjmp.h>
#include <sys/time.h>

#include "twin.h"

static sigjmp_buf left_out;

static void leave(int signal)
{
    (void)signal;
    siglongjmp(left_out, 1);
}

/* A blocking connect() to a server that does not answer, left after 50 ms. */
static void connect_and_leave(int fd, const struct sockaddr_in *server)
{
    sigaction(SIGALRM, &(struct sigaction){.sa_handler = leave}, NULL);
    if (sigsetjmp(left_out, 1) == 0) {
        setitimer(ITIMER_REAL, &(struct itimerval){.it_value = {0, 50000}}, NULL);
        SAY(connect(fd, SA(server), sizeof *server));
    }
}

#endif
