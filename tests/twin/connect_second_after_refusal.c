/*
 * A second connect() after a refusal returns the error, once. A third starts a new connection on the same
 * socket.
 */
#include "twin.h"

int main(void)
{
    twin_start();
    struct sockaddr_in server = twin_slow(), good = twin_server();
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), error = -1;
    socklen_t size = sizeof error;
    SAY(connect(fd, SA(&server), sizeof server));
    peer("slow refuse");
    wait_events(fd, POLLOUT);
    SAY(connect(fd, SA(&server), sizeof server));
    SAY(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size));
    say("SO_ERROR %s", error_name(error));
    SAY(connect(fd, SA(&good), sizeof good));
    wait_events(fd, POLLOUT);
    SAY(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size));
    say("SO_ERROR %s", error_name(error));
    say_addresses(fd, SA(&good), sizeof good);
    twin_greeting(fd);
    SAY(write(fd, "hello", 5));
    SAY_PEER("expect 5");
    return 0;
}
