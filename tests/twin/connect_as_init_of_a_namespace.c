/*
 * Process 1 of a PID namespace (a container with one program): every orphan becomes its child, and the
 * namespace dies with it.
 *
 *     plain:    waitpid(-1, &status, __WALL | WNOHANG) = -1 ECHILD
 *     switched: waitpid(-1, &status, __WALL | WNOHANG) = 0
 *     because in its own namespace the relay has no other parent than process 1.
 */
#include <sched.h>

#include "twin.h"

static volatile int signals;

static void handler(int signal)
{
    (void)signal;
    signals++;
}

int main(void)
{
    twin_start();
    if (unshare(CLONE_NEWPID) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWPID) != 0)
        twin_skip("no PID namespace can be made here");
    pid_t child = fork();
    if (child == 0) {
        int status;
        say("process %d", (int)getpid());
        sigaction(SIGCHLD, &(struct sigaction){.sa_handler = handler}, NULL);
        int fd = twin_connect();
        SAY(write(fd, "hello", 5));
        SAY_PEER("expect 5");
        SAY(waitpid(-1, &status, __WALL | WNOHANG));
        say("SIGCHLD %d times", signals);
        _exit(0);
    }
    wait_child(child);
    return 0;
}
