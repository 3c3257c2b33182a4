/*
 * When a program is killed, the server sees what was written before, and the end of the connection.
 */
#include "twin.h"

int main(void)
{
    twin_start();
    pid_t child = fork();
    if (child == 0) {
        int fd = twin_connect();
        SAY(write(fd, "hello", 5));
        raise(SIGKILL);
    }
    wait_child(child);
    SAY_PEER("expect 5");
    SAY_PEER("end");
    return 0;
}
