/*
 * AF_UNSPEC on a socket that was never connected does no harm.
 */
#include "twin.h"

int main(void)
{
    twin_start();
    struct sockaddr_in server = twin_server();
    struct sockaddr none = {.sa_family = AF_UNSPEC};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    SAY(connect(fd, &none, sizeof none));
    SAY(connect(fd, &none, sizeof none.sa_family));
    say_events("after", fd);
    SAY(connect(fd, SA(&server), sizeof server));
    twin_greeting(fd);
    return 0;
}
