/*
 * SO_TIMESTAMP: recvmsg() then tells when the data came, in control data.
 *
 *     plain:    control data: the time: 1
 *     switched: (nothing)
 *     plain:    1 in all
 *     switched: 0 in all
 *     because the data's own time was that of a TLS record, and the kernel gives UNIX sockets none.
 */
#include <sys/time.h>

#include "options.h"

int main(void)
{
    twin_start();
    int fd = twin_connect();
    char buffer[16], control[128];
    struct iovec part = {buffer, sizeof buffer};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    say_set_option(fd, SOL_SOCKET, SO_TIMESTAMP, 1);
    peer("send 10");
    wait_readable(fd, 10);
    SAY(recvmsg(fd, &message, 0));
    int count = 0;
    for (struct cmsghdr *head = CMSG_FIRSTHDR(&message); head; head = CMSG_NXTHDR(&message, head)) {
        say("control data: the time: %d", head->cmsg_level == SOL_SOCKET && head->cmsg_type == SO_TIMESTAMP);
        count++;
    }
    say("%d in all", count);
    return 0;
}
