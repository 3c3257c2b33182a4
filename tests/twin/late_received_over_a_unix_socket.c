/*
 * An unwatched process makes a connection and passes it over a UNIX socket (a connector daemon, systemd's
 * file descriptor store). For the program that receives it, it is a session like any other.
 */
#include "late.h"

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
    if (sendmsg(channel, &message, 0) != 1)
        say("sendmsg: %s", error_name(errno));
}

int main(int argc, char **argv)
{
    twin_start();
    if (argc > 1) { /* unwatched, with the channel as standard output */
        struct sockaddr_in server = twin_server();
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        if (connect(fd, SA(&server), sizeof server) != 0)
            return 1;
        pass(1, fd);
        return 0;
    }
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0)
        return 1;
    pid_t child = fork();
    if (child == 0) {
        dup2(pair[0], 1);
        close(pair[0]);
        close(pair[1]);
        setenv("LD_PRELOAD", "", 1); /* on purpose: libretrotls(7) */
        exec_again(argv[0], "connector");
        _exit(98);
    }
    int fd = take(pair[1]);
    wait_child(child);
    struct sockaddr_in server = twin_server();
    twin_greeting(fd);
    say_addresses(fd, SA(&server), sizeof server);
    SAY(write(fd, "hello", 5));
    SAY_PEER("expect 5");
    return 0;
}
