/*
 * A descriptor duplicated before connect() is the same connection afterwards, and keeps its own FD_CLOEXEC.
 */
#include "twin.h"

int main(void)
{
    twin_start();
    struct sockaddr_in server = twin_server();
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    int copy = dup(fd), high = fcntl(fd, F_DUPFD_CLOEXEC, 200), third = dup3(fd, 100, O_CLOEXEC);
    SAY(connect(copy, SA(&server), sizeof server));
    int all[] = {fd, copy, high, third};
    for (size_t i = 0; i < COUNT(all); i++) {
        SAY_AS("F_GETFD", fcntl(all[i], F_GETFD));
        say_addresses(all[i], SA(&server), sizeof server);
    }
    twin_greeting(fd);
    SAY(write(high, "hello", 5));
    SAY_PEER("expect 5");
    SAY(close(fd));
    SAY(close(copy));
    SAY(close(high));
    SAY(write(third, "again", 5));
    SAY_PEER("expect 10");
    SAY(close(third));
    SAY_PEER("end");
    return 0;
}
