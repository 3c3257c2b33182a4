/*
 * A second connect() on a nonblocking socket returns EALREADY while pending, then 0 once, then EISCONN.
 * swaks, perl and old BSD programs finish a connection this way instead of asking for SO_ERROR.
 */
#include "twin.h"

int main(void)
{
    twin_start();
    peer("hold");
    struct sockaddr_in server = twin_slow();
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    SAY(connect(fd, SA(&server), sizeof server));
    SAY(connect(fd, SA(&server), sizeof server));
    peer("slow open");
    wait_events(fd, POLLOUT);
    for (int i = 0; i < 3; i++)
        SAY(connect(fd, SA(&server), sizeof server));
    say_events("after", fd);
    return 0;
}
