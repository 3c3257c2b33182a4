/*
 * The error queue is empty: EAGAIN, even when there is data.
 */
#include "twin.h"

int main(void)
{
    twin_start();
    int fd = twin_connect();
    char byte;
    struct iovec part = {&byte, 1};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    SAY(recv(fd, &byte, 1, MSG_ERRQUEUE));
    peer("send 5");
    wait_readable(fd, 5);
    SAY(recv(fd, &byte, 1, MSG_ERRQUEUE));
    SAY(recvmsg(fd, &message, MSG_ERRQUEUE));
    SAY(recv(fd, &byte, 1, 0));
    return 0;
}
