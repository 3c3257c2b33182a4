/*
 * A second shutdown() after both sides have ended returns ENOTCONN, as it does on a socket that was never
 * connected.
 */
#include "twin.h"

int main(void)
{
    twin_start();
    int fresh = socket(AF_INET, SOCK_STREAM, 0), fd = twin_connect();
    SAY(shutdown(fresh, SHUT_RDWR));
    SAY(shutdown(fd, SHUT_WR));
    SAY_PEER("end");
    peer("half");
    wait_events(fd, POLLHUP);
    SAY(shutdown(fd, SHUT_WR));
    SAY(shutdown(fd, SHUT_RDWR));
    return 0;
}
