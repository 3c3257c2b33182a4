/*
 * A program that wants to use MSG_ZEROCOPY asks for it by SO_ZEROCOPY, and sends as usual if it cannot have
 * it.
 *
 *     plain:    setsockopt(fd, SOL_SOCKET, SO_ZEROCOPY, &one, sizeof one) = 0
 *     switched: setsockopt(fd, SOL_SOCKET, SO_ZEROCOPY, &one, sizeof one) = -1 EOPNOTSUPP
 *     plain:    the kernel tells when the buffer is free
 *     switched: (nothing)
 *     because what is to be encrypted is copied.
 */
#include <time.h>

#include "twin.h"

#include <linux/errqueue.h>

#ifndef SO_ZEROCOPY
#    define SO_ZEROCOPY 60
#endif
#ifndef MSG_ZEROCOPY
#    define MSG_ZEROCOPY 0x4000000
#endif

static void say_free(int fd)
{
    union {
        struct cmsghdr head;
        char room[200];
    } control;
    struct msghdr message = {.msg_control = &control};
    struct sock_extended_err error;

    wait_events(fd, POLLERR);
    message.msg_controllen = sizeof control;
    if (recvmsg(fd, &message, MSG_ERRQUEUE) != 0 || !CMSG_FIRSTHDR(&message))
        return;
    memcpy(&error, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof error);
    if (error.ee_origin == SO_EE_ORIGIN_ZEROCOPY)
        say("the kernel tells when the buffer is free");
}

int main(void)
{
    twin_start();
    static char data[100000];
    int fd = twin_connect(), one = 1;
    fill_pattern(data, 0, sizeof data);
    bool can = SAY(setsockopt(fd, SOL_SOCKET, SO_ZEROCOPY, &one, sizeof one)) == 0;
    SAY(send(fd, data, 5000, MSG_ZEROCOPY));
    SAY_PEER("expect 5000");
    if (can)
        say_free(fd);
    return 0;
}
