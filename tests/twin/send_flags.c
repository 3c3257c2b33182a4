/*
 * Flags that TCP accepts: MSG_MORE, MSG_EOR, MSG_DONTROUTE, MSG_CONFIRM. Each sends its bytes.
 */
#include "twin.h"

int main(void)
{
    twin_start();
    int fd = twin_connect();
    SAY(send(fd, "a", 1, MSG_DONTROUTE));
    SAY(send(fd, "b", 1, MSG_CONFIRM));
    SAY(send(fd, "c", 1, MSG_EOR));
    SAY(send(fd, "d", 1, MSG_MORE));
    SAY(send(fd, "e", 1, MSG_NOSIGNAL));
    SAY_PEER("expect 5");
    SAY(send(fd, "f", 1, MSG_TRUNC | MSG_PEEK | MSG_WAITALL));
    SAY_PEER("expect 6");
    return 0;
}
