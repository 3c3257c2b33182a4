/*
 * connect() to 0.0.0.0 reaches this machine, and getpeername() says 127.0.0.1.
 */
#include "twin.h"

int main(void)
{
    twin_start();
    struct sockaddr_in server = twin_server(), any = server;
    any.sin_addr.s_addr = htonl(INADDR_ANY);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    SAY(connect(fd, SA(&any), sizeof any));
    say_addresses(fd, SA(&server), sizeof server);
    twin_greeting(fd);
    SAY(write(fd, "hello", 5));
    SAY_PEER("expect 5");
    return 0;
}
