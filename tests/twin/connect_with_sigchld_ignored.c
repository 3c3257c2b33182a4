/*
 * If a program ignores SIGCHLD, the kernel reaps its children. Waiting for one inside connect() would return
 * ECHILD, or block until all children are gone.
 */
#include "twin.h"

int main(void)
{
    twin_start();
    signal(SIGCHLD, SIG_IGN);
    pid_t child = fork();
    if (child == 0) {
        pause();
        _exit(0);
    }
    int fd = twin_connect();
    SAY(write(fd, "hello", 5));
    SAY_PEER("expect 5");
    SAY(kill(child, SIGKILL));
    SAY(waitpid(child, NULL, 0));
    return 0;
}
