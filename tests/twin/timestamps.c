/*
 * SO_TIMESTAMP: recvmsg() then tells when the data came, in control data (the kernel begins to stamp packets
 * some time after it is asked to).
 *
 *     plain:    the time came: 1
 *     switched: the time came: 0
 *     because the data's own time was that of a TLS record, and the kernel gives UNIX sockets none.
 */
#include <sys/time.h>

#include "options.h"

static bool has_time(int fd)
{
    char buffer[16], control[128];
    struct iovec part = {buffer, sizeof buffer};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    peer("send 10");
    wait_readable(fd, 10);
    ssize_t n = recvmsg(fd, &message, 0);
    if (n != 10)
        say("recvmsg = %d", (int)n);
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    return head && head->cmsg_level == SOL_SOCKET && head->cmsg_type == SO_TIMESTAMP;
}

int main(void)
{
    twin_start();
    int fd = twin_connect();
    say_set_option(fd, SOL_SOCKET, SO_TIMESTAMP, 1);
    bool came = false;
    for (int i = 0; i < 100 && !came; i++) {
        came = has_time(fd);
        usleep(1000);
    }
    say("the time came: %d", came);
    return 0;
}
