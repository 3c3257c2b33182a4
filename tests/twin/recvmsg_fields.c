/*
 * recvmsg() into several pieces: data in order, no address, no control data, no flags. It does not touch the
 * buffers for a name and for control data.
 */
#include "twin.h"

int main(void)
{
    twin_start();
    int fd = twin_connect();
    char a[4], b[6], c[20], control[128];
    struct sockaddr_storage name;
    struct iovec parts[] = {{a, sizeof a}, {b, sizeof b}, {c, sizeof c}};
    struct msghdr message = {
        .msg_name = &name, .msg_namelen = sizeof name, .msg_iov = parts, .msg_iovlen = 3};
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    message.msg_flags = -1;
    memset(&name, 0x5a, sizeof name);
    peer("send 25");
    wait_readable(fd, 25);
    SAY(recvmsg(fd, &message, 0));
    say("name %u, control %u, flags %d", (unsigned)message.msg_namelen, (unsigned)message.msg_controllen,
        message.msg_flags);
    say("as sent: %d %d %d", is_pattern(a, 0, 4), is_pattern(b, 4, 6), is_pattern(c, 10, 15));
    say("name's first byte %d", *(unsigned char *)&name);
    message.msg_iovlen = 0;
    SAY(recvmsg(fd, &message, MSG_DONTWAIT));
    message.msg_iovlen = 2000;
    SAY(recvmsg(fd, &message, MSG_DONTWAIT));
    message.msg_iovlen = 3;
    message.msg_controllen = sizeof control;
    SAY(recvmsg(fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC));
    return 0;
}
