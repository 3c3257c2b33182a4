/*
 * Duplicates made by dup(), dup2(), dup3() and fcntl() are the same connection, with the right number and
 * FD_CLOEXEC, and the connection lives until the last one is closed.
 */
#include "twin.h"

int main(void)
{
    twin_start();
    struct sockaddr_in server = twin_server();
    int fd = twin_connect();
    int all[] = {dup(fd), dup2(fd, 50), dup3(fd, 51, O_CLOEXEC), fcntl(fd, F_DUPFD, 60),
                 fcntl(fd, F_DUPFD_CLOEXEC, 60)};
    SAY(dup3(fd, fd, 0));
    SAY(dup2(fd, fd) == fd);
    say("numbers %d %d %d %d %d", all[0] - fd, all[1], all[2], all[3], all[4]);
    SAY(close(fd));
    for (size_t i = 0; i < COUNT(all); i++) {
        SAY_AS("F_GETFD", fcntl(all[i], F_GETFD));
        say_addresses(all[i], SA(&server), sizeof server);
        SAY(write(all[i], "x", 1));
        SAY(close(all[i]));
        SAY(write(all[i], "x", 1));
    }
    SAY_PEER("end");
    SAY_PEER("expect 5");
    return 0;
}
