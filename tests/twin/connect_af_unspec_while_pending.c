/*
 * AF_UNSPEC cancels a pending connection. The socket may then be connected to another address. Event loops
 * that keep one descriptor for several attempts do this.
 */
#include "twin.h"

int main(void)
{
    twin_start();
    struct sockaddr_in server = twin_slow(), good = twin_server();
    struct sockaddr none = {.sa_family = AF_UNSPEC};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    SAY(connect(fd, SA(&server), sizeof server));
    SAY(connect(fd, &none, sizeof none));
    say_events("called off", fd);
    SAY(connect(fd, SA(&good), sizeof good));
    wait_events(fd, POLLOUT);
    SAY(connect(fd, SA(&good), sizeof good));
    say_addresses(fd, SA(&good), sizeof good);
    twin_greeting(fd);
    return 0;
}
