/*
 * The same for every readable option of IPPROTO_TCP.
 */
#include "options.h"

enum { LAST = 47, ZEROCOPY_RECEIVE = 35 };

static void show(int fd)
{
    say_options(fd, IPPROTO_TCP, 0, ZEROCOPY_RECEIVE - 1); /* that one maps pages, and reads its argument */
    say_options(fd, IPPROTO_TCP, ZEROCOPY_RECEIVE + 1, LAST);
}

int main(void)
{
    twin_start();
    struct sockaddr_in server = twin_slow();
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    say("before");
    show(fd);
    SAY(connect(fd, SA(&server), sizeof server));
    show(fd);
    peer("slow open");
    wait_events(fd, POLLOUT);
    twin_greeting(fd);
    say("connected");
    show(fd);
    peer("half");
    wait_events(fd, POLLRDHUP);
    say("ended");
    show(fd);
    return 0;
}
