/*
 * TCP_FASTOPEN_CONNECT delays a connection until the first write: connect() says 0 at once, and the data
 * arrives.
 */
#include "options.h"

int main(void)
{
    twin_start();
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in server = twin_server();
    say_set_option(fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 1);
    SAY(connect(fd, SA(&server), sizeof server));
    SAY(write(fd, "hello", 5));
    twin_greeting(fd);
    SAY_PEER("expect 5");
    say_addresses(fd, SA(&server), sizeof server);
    SAY(connect(fd, SA(&server), sizeof server));
    return 0;
}
