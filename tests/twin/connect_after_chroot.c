/*
 * A daemon that changed its root after its first connection can still connect.
 */
#include <sys/stat.h>

#include "twin.h"

int main(void)
{
    twin_start();
    if (getuid() != 0)
        twin_skip("needs root");
    int fd = twin_connect();
    mkdir("root", 0700);
    SAY(chroot("root"));
    SAY(chdir("/"));
    SAY(write(fd, "hello", 5));
    SAY_PEER("expect 5");
    fd = twin_connect();
    SAY(write(fd, "again", 5));
    SAY_PEER("expect 5");
    return 0;
}
