/*
 * TCP_MAXSEG set before connect() is announced to the server, which sends no larger segments.
 */
#include "options.h"

int main(void)
{
    twin_start();
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in server = twin_server();
    say("default %d", option(fd, IPPROTO_TCP, TCP_MAXSEG));
    say_set_option(fd, IPPROTO_TCP, TCP_MAXSEG, 900);
    say("set %d", option(fd, IPPROTO_TCP, TCP_MAXSEG));
    SAY(connect(fd, SA(&server), sizeof server));
    twin_greeting(fd);
    int mss = option(fd, IPPROTO_TCP, TCP_MAXSEG), theirs = atoi(peer("mss"));
    say("ours up to 900: %d, the server's up to 900: %d", mss > 800 && mss <= 900,
        theirs > 800 && theirs <= 900);
    say_set_option(fd, IPPROTO_TCP, TCP_MAXSEG, 50);
    say_set_option(fd, IPPROTO_TCP, TCP_MAXSEG, 500);
    return 0;
}
