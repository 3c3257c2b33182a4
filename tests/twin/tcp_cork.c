/*
 * TCP_CORK holds back a partial segment until it is cleared. Then everything arrives. Dovecot's imapc sets it
 * around each command.
 */
#include "options.h"

int main(void)
{
    twin_start();
    int fd = twin_connect();
    for (int i = 1; i <= 3; i++) {
        say_set_option(fd, IPPROTO_TCP, TCP_CORK, 1);
        say("corked %d", option(fd, IPPROTO_TCP, TCP_CORK));
        SAY(write(fd, "ab", 2));
        SAY(write(fd, "cd", 2));
        say_set_option(fd, IPPROTO_TCP, TCP_CORK, 0);
        SAY_PEER("expect %d", 4 * i);
    }
    say_set_option(fd, IPPROTO_TCP, TCP_CORK, 1);
    SAY(write(fd, "ab", 2));
    SAY(close(fd));
    SAY_PEER("end");
    SAY_PEER("expect 14");
    return 0;
}
