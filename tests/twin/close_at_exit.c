/*
 * A program that just ends, without close(): its last words arrive, and then the end.
 */
#include "twin.h"

int main(void)
{
    twin_start();
    pid_t child = fork();
    if (child == 0) {
        int fd = twin_connect();
        SAY(write(fd, "QUIT\r\n", 6));
        _exit(0);
    }
    wait_child(child);
    SAY_PEER("expect 6");
    SAY_PEER("end");
    return 0;
}
