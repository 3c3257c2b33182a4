/*
 * With SO_TIMESTAMP, the control data of recvmsg() has the time when the data came. The kernel starts to
 * stamp packets some time after the first socket asks for it (net_enable_timestamp() in net/core/dev.c leaves
 * it to a work queue), and then stamps those of all sockets. Another socket shows when that is.
 *
 *     plain:    the time came: 1
 *     switched: the time came: 0
 *     because the data's own time was that of a TLS record, and the kernel gives UNIX sockets none.
 */
#include <sys/time.h>

#include "options.h"

/* Reads the 10 bytes that have come. True if a time came with them. */
static bool has_time(int fd)
{
    char buffer[16], control[128];
    struct iovec part = {buffer, sizeof buffer};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    wait_readable(fd, 10);
    ssize_t n = recvmsg(fd, &message, 0);
    if (n != 10)
        say("recvmsg = %d", (int)n);
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    return head && head->cmsg_level == SOL_SOCKET && head->cmsg_type == SO_TIMESTAMP;
}

static bool is_stamped(int from, int to)
{
    return write(from, "0123456789", 10) == 10 && has_time(to);
}

static void wait_for_stamps(void)
{
    struct sockaddr_in own = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof own;
    int on = 1;
    int listening = socket(AF_INET, SOCK_STREAM, 0), from = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(listening, SA(&own), size) || listen(listening, 1) || getsockname(listening, SA(&own), &size) ||
        connect(from, SA(&own), size))
        say("no connection of its own: %s", error_name(errno));
    int to = accept(listening, NULL, NULL);
    setsockopt(to, SOL_SOCKET, SO_TIMESTAMP, &on, sizeof on);
    WAIT_FOR(is_stamped(from, to));
    close(listening);
    close(from);
    close(to);
}

int main(void)
{
    twin_start();
    int fd = twin_connect();
    say_set_option(fd, SOL_SOCKET, SO_TIMESTAMP, 1);
    wait_for_stamps();
    peer("send 10");
    say("the time came: %d", has_time(fd));
    return 0;
}
