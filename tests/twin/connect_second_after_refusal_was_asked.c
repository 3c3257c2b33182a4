/*
 * SO_ERROR returned the refusal. connect() then returns ECONNABORTED, once, and the next starts a new
 * connection.
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
    SAY(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size));
    say("SO_ERROR %s", error_name(error));
    SAY(connect(fd, SA(&good), sizeof good));
    SAY(connect(fd, SA(&good), sizeof good));
    wait_events(fd, POLLOUT);
    SAY(connect(fd, SA(&good), sizeof good));
    SAY(connect(fd, SA(&good), sizeof good));
    twin_greeting(fd);
    return 0;
}
