/*
 * The same for every readable option of IPPROTO_IP.
 */
#include "options.h"

enum { LAST = 63 };

int main(void)
{
    twin_start();
    struct sockaddr_in server = twin_slow();
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    say("before");
    say_options(fd, IPPROTO_IP, 0, LAST);
    SAY(connect(fd, SA(&server), sizeof server));
    say_options(fd, IPPROTO_IP, 0, LAST);
    peer("slow open");
    wait_events(fd, POLLOUT);
    twin_greeting(fd);
    say("connected");
    say_options(fd, IPPROTO_IP, 0, LAST);
    say_options(fd, IPPROTO_IPV6, 0, LAST);
    return 0;
}
