/*
 * The parent closes its copy, and the child's goes on, as with a forking delivery agent.
 */
#include "twin.h"

int main(void)
{
    twin_start();
    int fd = twin_connect(), ends[2];
    if (pipe(ends) != 0)
        return 1;
    pid_t child = fork();
    char byte;
    if (child == 0) {
        close(ends[1]);
        SAY(read(ends[0], &byte, 1));
        SAY(write(fd, "child", 5));
        SAY_PEER("expect 5");
        SAY(shutdown(fd, SHUT_WR));
        SAY_PEER("end");
        _exit(0);
    }
    SAY(close(fd));
    close(ends[1]);
    wait_child(child);
    return 0;
}
