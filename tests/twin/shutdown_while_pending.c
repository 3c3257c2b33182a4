/*
 * shutdown() cancels a pending connection.
 */
#include "twin.h"

int main(void)
{
    twin_start();
    struct sockaddr_in server = twin_slow();
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    char byte;
    SAY(connect(fd, SA(&server), sizeof server));
    SAY(shutdown(fd, SHUT_RDWR));
    say_events("called off", fd);
    SAY(read(fd, &byte, 1));
    SAY(send(fd, "x", 1, MSG_NOSIGNAL));
    return 0;
}
