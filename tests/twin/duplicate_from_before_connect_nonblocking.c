/*
 * The same for a nonblocking connect(): each copy is pending, and each is connected.
 */
#include "twin.h"

int main(void)
{
    twin_start();
    peer("hold");
    struct sockaddr_in server = twin_slow();
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), copy = dup(fd);
    SAY(connect(fd, SA(&server), sizeof server));
    say_events("the copy, pending", copy);
    SAY(connect(copy, SA(&server), sizeof server));
    SAY(close(fd));
    peer("slow open");
    wait_events(copy, POLLOUT);
    SAY(connect(copy, SA(&server), sizeof server));
    say_addresses(copy, SA(&server), sizeof server);
    return 0;
}
