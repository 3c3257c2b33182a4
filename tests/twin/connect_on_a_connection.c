/*
 * connect() on a connection returns EISCONN, whatever the address, and the connection goes on.
 */
#include "twin.h"

int main(void)
{
    twin_start();
    struct sockaddr_in server = twin_server(), other = twin_refusing();
    struct sockaddr_in6 six = twin_server6();
    int fd = twin_connect();
    SAY(connect(fd, SA(&server), sizeof server));
    SAY(connect(fd, SA(&other), sizeof other));
    SAY(connect(fd, SA(&six), sizeof six));
    SAY(connect(fd, SA(&server), 4));
    SAY(connect(fd, SA(&server), 1));
    SAY(connect(fd, NULL, sizeof server));
    say_addresses(fd, SA(&server), sizeof server);
    SAY(write(fd, "hello", 5));
    SAY_PEER("expect 5");
    return 0;
}
