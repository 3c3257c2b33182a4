/* A daemon changes its root and then connects for the first time: the new root has no relay to start. */
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
