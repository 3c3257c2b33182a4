/*
 * Writing after shutdown() raises SIGPIPE, unless MSG_NOSIGNAL is given or the signal is ignored. In each
 * case the error is EPIPE.
 */
#include <sys/uio.h>

#include "twin.h"

static void handler(int signal)
{
    say("signal %d", signal);
}

int main(void)
{
    twin_start();
    signal(SIGPIPE, handler);
    int fd = twin_connect();
    struct iovec part = {(char[]){"x"}, 1};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    SAY(shutdown(fd, SHUT_WR));
    SAY(write(fd, "x", 1));
    SAY(send(fd, "x", 1, 0));
    SAY(writev(fd, &part, 1));
    SAY(sendmsg(fd, &message, 0));
    SAY(send(fd, "x", 1, MSG_NOSIGNAL));
    SAY(sendmsg(fd, &message, MSG_NOSIGNAL));
    signal(SIGPIPE, SIG_IGN);
    SAY(write(fd, "x", 1));
    return 0;
}
