/*
 * sendmsg() and writev() with several pieces, some of them empty: they arrive in order.
 */
#include <sys/uio.h>

#include "twin.h"

int main(void)
{
    twin_start();
    int fd = twin_connect();
    char text[] = "one two three";
    struct iovec parts[] = {{text, 4}, {text, 0}, {text + 4, 4}, {text + 8, 5}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 4};
    volatile int negative = -1, many = 2000;
    SAY(sendmsg(fd, &message, 0));
    SAY_PEER("expect 13");
    SAY(writev(fd, parts, 4));
    SAY_PEER("expect 26");
    message.msg_iovlen = 0;
    SAY(sendmsg(fd, &message, 0));
    SAY(writev(fd, parts, 0));
    SAY(writev(fd, parts, negative));
    SAY(writev(fd, parts, many));
    SAY(write(fd, text, 0));
    SAY(send(fd, text, 0, 0));
    SAY_PEER("expect 26");
    return 0;
}
