/*
 * Daemons close every descriptor from 3 on, whatever it is, with closefrom(), close_range() or a loop over
 * close(). This must do no harm before the first connection, between two, or while one is open.
 */
#include <sys/syscall.h>

#include "twin.h"

static void talk(int how)
{
    int fd = twin_connect();
    SAY(write(fd, "hello", 5));
    SAY_PEER("expect 5");
    if (how == 0)
        SAY_AS("close_range", syscall(SYS_close_range, 3U, ~0U, 0U));
    else
        for (int i = 3; i < 1024; i++)
            close(i);
    SAY(write(fd, "hello", 5));
    SAY_PEER("end");
}

int main(void)
{
    twin_start();
    SAY_AS("close_range", syscall(SYS_close_range, 3U, ~0U, 0U));
    talk(0);
    talk(1);
    talk(0);
    return 0;
}
