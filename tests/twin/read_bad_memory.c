/*
 * A buffer at no memory gives EFAULT and loses no byte, with every call that reads or writes.
 */
#include <sys/uio.h>

#include "twin.h"

int main(void)
{
    twin_start();
    int fd = twin_connect();
    void *volatile nowhere = (void *)8;
    char buffer[16];
    struct iovec bad = {nowhere, 4};
    struct msghdr message = {.msg_iov = &bad, .msg_iovlen = 1};
    peer("send 10");
    wait_readable(fd, 10);
    SAY(read(fd, nowhere, 4));
    SAY(recv(fd, nowhere, 4, 0));
    SAY(recvfrom(fd, nowhere, 4, 0, NULL, NULL));
    SAY(readv(fd, &bad, 1));
    SAY(recvmsg(fd, &message, 0));
    SAY(recvmsg(fd, nowhere, 0));
    SAY(readv(fd, nowhere, 1));
    SAY(write(fd, nowhere, 4));
    SAY(send(fd, nowhere, 4, MSG_NOSIGNAL));
    SAY(writev(fd, &bad, 1));
    SAY(sendmsg(fd, &message, MSG_NOSIGNAL));
    SAY(sendmsg(fd, nowhere, 0));
    SAY(read(fd, buffer, sizeof buffer));
    say("as sent: %d", is_pattern(buffer, 0, 10));
    SAY(write(fd, "hello", 5));
    SAY_PEER("expect 5");
    return 0;
}
