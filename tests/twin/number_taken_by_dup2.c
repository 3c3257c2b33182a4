/*
 * dup2() of something else onto a connection closes it, and from then on the number means the other thing.
 * The same the other way round.
 */
#include "twin.h"

int main(void)
{
    twin_start();
    int fd = twin_connect(), null = open("/dev/null", O_RDWR);
    struct sockaddr_in server = twin_server();
    SAY(dup2(null, fd) == fd);
    SAY_PEER("end");
    SAY(write(fd, "hello", 5));
    say_addresses(fd, SA(&server), sizeof server);
    int second = twin_connect();
    SAY(dup2(second, null) == null);
    SAY(close(second));
    say_addresses(null, SA(&server), sizeof server);
    SAY(write(null, "hello", 5));
    SAY_PEER("@1 expect 5");
    return 0;
}
