/*
 * A connection passed to another process over a UNIX socket works there, even after the first process has
 * gone.
 */
#include "twin.h"

static void pass(int channel, int fd)
{
    union {
        char space[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control;
    memset(&control, 0, sizeof control);
    struct iovec part = {(char[]){"x"}, 1};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    message.msg_control = control.space;
    message.msg_controllen = sizeof control.space;
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(head), &fd, sizeof fd);
    SAY(sendmsg(channel, &message, 0));
}

static int take(int channel)
{
    union {
        char space[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control;
    char byte;
    struct iovec part = {&byte, 1};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    message.msg_control = control.space;
    message.msg_controllen = sizeof control.space;
    SAY(recvmsg(channel, &message, 0));
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    int fd = -1;
    if (head && head->cmsg_type == SCM_RIGHTS)
        memcpy(&fd, CMSG_DATA(head), sizeof fd);
    return fd;
}

int main(void)
{
    twin_start();
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0)
        return 1;
    pid_t child = fork();
    if (child == 0) {
        int fd = twin_connect();
        SAY(write(fd, "hello", 5));
        pass(pair[0], fd);
        _exit(0);
    }
    wait_child(child);
    struct sockaddr_in server = twin_server();
    int fd = take(pair[1]);
    say_addresses(fd, SA(&server), sizeof server);
    SAY(write(fd, "world", 5));
    SAY_PEER("expect 10");
    peer("send 10");
    wait_readable(fd, 10);
    SAY(close(fd));
    return 0;
}
