/*
 * SO_LINGER of 0 seconds makes close() a reset: load generators and servers under attack use it.
 */
#include "twin.h"

int main(void)
{
    twin_start();
    int fd = twin_connect();
    struct linger off = {1, 0};
    SAY(setsockopt(fd, SOL_SOCKET, SO_LINGER, &off, sizeof off));
    SAY(close(fd));
    SAY_PEER("end");
    return 0;
}
