/*
 * A daemon that started as root and became an ordinary user connects, before and after.
 */
#include <grp.h>

#include "twin.h"

int main(void)
{
    twin_start();
    if (getuid() != 0)
        twin_skip("needs root");
    int fd = twin_connect();
    SAY(setgroups(0, NULL));
    SAY(setresgid(65534, 65534, 65534));
    SAY(setresuid(65534, 65534, 65534));
    SAY(write(fd, "hello", 5));
    SAY_PEER("expect 5");
    fd = twin_connect();
    SAY(write(fd, "again", 5));
    SAY_PEER("expect 5");
    return 0;
}
