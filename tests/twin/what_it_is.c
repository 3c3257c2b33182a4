/*
 * What a program may ask to find out what a descriptor is: a stream socket of domain AF_INET, not listening.
 */
#include <sys/stat.h>

#include "options.h"

int main(void)
{
    twin_start();
    int fd = twin_connect();
    struct stat status;
    SAY(fstat(fd, &status));
    say("a socket: %d, mode %o, size %d, links %d, mine: %d", S_ISSOCK(status.st_mode),
        status.st_mode & 07777, (int)status.st_size, (int)status.st_nlink, status.st_uid == geteuid());
    say("block size %d, device of its own: %d", (int)status.st_blksize, status.st_rdev == 0);
    SAY(isatty(fd));
    say("type %d, domain %d, protocol %d, listening %d", option(fd, SOL_SOCKET, SO_TYPE),
        option(fd, SOL_SOCKET, SO_DOMAIN), option(fd, SOL_SOCKET, SO_PROTOCOL),
        option(fd, SOL_SOCKET, SO_ACCEPTCONN));
    char path[64], target[64] = "";
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    SAY(readlink(path, target, sizeof target - 1) > 0);
    say("%.8s", target);
    SAY(open(path, O_RDWR));
    return 0;
}
