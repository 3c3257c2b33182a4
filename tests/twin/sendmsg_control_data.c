/*
 * TCP ignores control data that only a UNIX socket knows (descriptors, credentials), and sends the bytes. In
 * particular, no descriptor of the program may reach anybody.
 */
#include "twin.h"

int main(void)
{
    twin_start();
    int fd = twin_connect(), ends[2];
    if (pipe(ends) != 0)
        return 1;
    union {
        char space[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control;
    memset(&control, 0, sizeof control);
    struct iovec part = {(char[]){"hello"}, 5};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    message.msg_control = control.space;
    message.msg_controllen = sizeof control.space;
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(head), &ends[1], sizeof ends[1]);
    SAY(sendmsg(fd, &message, 0));
    SAY_PEER("expect 5");
    close(ends[1]);
    struct pollfd p = {ends[0], POLLIN, 0};
    SAY(poll(&p, 1, 20000)); /* the last writer has gone */
    say("%s", event_names((unsigned)p.revents));

    head->cmsg_type = 77;
    SAY(sendmsg(fd, &message, 0));
    head->cmsg_level = IPPROTO_IP;
    head->cmsg_type = 1;
    SAY(sendmsg(fd, &message, 0));
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_len = 3;
    SAY(sendmsg(fd, &message, 0));
    return 0;
}
