/*
 * A socket whose connect() was refused may be connected again (Linux allows it, and programs that do not make
 * a new socket for each address rely on it), with the options that were set on it.
 */
#include "twin.h"

int main(void)
{
    twin_start();
    struct sockaddr_in server = twin_refusing();
    int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1, value = 0;
    SAY(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one));
    SAY(setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one));
    for (int i = 0; i < 3; i++)
        SAY(connect(fd, SA(&server), sizeof server));
    server = twin_server();
    SAY(connect(fd, SA(&server), sizeof server));
    twin_greeting(fd);
    socklen_t size = sizeof value;
    SAY(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &value, &size));
    say("TCP_NODELAY %d", value);
    SAY(getsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &value, &size));
    say("SO_KEEPALIVE %d", value);
    SAY(write(fd, "hello", 5));
    SAY_PEER("expect 5");
    return 0;
}
