/*
 * sendto() and sendmsg() with an address on a TCP connection: the address is ignored, even a wrong one.
 * Programs that share code with their UDP side pass one. (A UNIX socket would return EISCONN.)
 */
#include "twin.h"

int main(void)
{
    twin_start();
    int fd = twin_connect();
    struct sockaddr_in server = twin_server(), other = twin_refusing();
    struct sockaddr_in6 six = twin_server6();
    SAY(sendto(fd, "one", 3, 0, SA(&server), sizeof server));
    SAY(sendto(fd, "two", 3, 0, SA(&other), sizeof other));
    SAY(sendto(fd, "six", 3, 0, SA(&six), sizeof six));
    SAY(sendto(fd, "len", 3, 0, SA(&server), 1));
    SAY(sendto(fd, "nul", 3, 0, NULL, 0));
    struct iovec part = {(char[]){"msg"}, 3};
    struct msghdr message = {
        .msg_name = &other, .msg_namelen = sizeof other, .msg_iov = &part, .msg_iovlen = 1};
    SAY(sendmsg(fd, &message, 0));
    struct mmsghdr many = {.msg_hdr = message};
    SAY(sendmmsg(fd, &many, 1, 0));
    SAY(sendto(fd, "x", 1, 0, SA(&server), (socklen_t)-1));
    SAY(sendto(fd, "x", 1, 0, SA(&server), 4096));
    SAY_PEER("expect 21");
    return 0;
}
