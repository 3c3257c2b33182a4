/*
 * A connection cannot listen, accept or be bound again.
 */
#include "twin.h"

int main(void)
{
    twin_start();
    struct sockaddr_in server = twin_server(), any = {.sin_family = AF_INET};
    int fd = twin_connect();
    SAY(listen(fd, 5));
    SAY(accept(fd, NULL, NULL));
    SAY(accept4(fd, NULL, NULL, SOCK_CLOEXEC));
    SAY(accept4(fd, NULL, NULL, 0x10));
    SAY(bind(fd, SA(&any), sizeof any));
    SAY(bind(fd, SA(&server), sizeof server));
    SAY(bind(fd, SA(&any), 1));
    say_events("after", fd);
    SAY(write(fd, "hello", 5));
    SAY_PEER("expect 5");
    return 0;
}
