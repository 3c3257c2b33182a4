/*
 * cat with the connection as its input and output, which is how bash's /dev/tcp redirections end.
 */
#include "twin.h"

int main(void)
{
    twin_start();
    int fd = twin_connect();
    pid_t child = fork();
    if (child == 0) {
        dup2(fd, 0);
        dup2(fd, 1);
        close(fd);
        execl("/bin/cat", "cat", NULL);
        _exit(98);
    }
    close(fd);
    SAY_PEER("send 1000");
    SAY_PEER("expect 1000");
    SAY_PEER("half");
    wait_child(child);
    SAY_PEER("end");
    return 0;
}
