/*
 * A program that does not care about SIGPIPE is killed by it.
 */
#include "twin.h"

int main(void)
{
    twin_start();
    int fd = twin_connect();
    pid_t child = fork();
    if (child == 0) {
        shutdown(fd, SHUT_WR);
        if (write(fd, "x", 1) < 0)
            say("survived");
        _exit(0);
    }
    wait_child(child);
    return 0;
}
