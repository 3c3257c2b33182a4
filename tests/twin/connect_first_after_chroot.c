/*
 * A daemon changes its root and then connects for the first time.
 *
 *     plain:    connect(fd, SA(&server), sizeof server) = 0
 *     switched: connect(fd, SA(&server), sizeof server) = -1 ENETUNREACH
 *     because there is no relay yet, and the new root has none to start: nothing goes out.
 */
#include <sys/stat.h>

#include "twin.h"

int main(void)
{
    twin_start();
    if (getuid() != 0)
        twin_skip("needs root");
    mkdir("root", 0700);
    SAY(chroot("root"));
    SAY(chdir("/"));
    struct sockaddr_in server = twin_server();
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    SAY(connect(fd, SA(&server), sizeof server));
    return 0;
}
