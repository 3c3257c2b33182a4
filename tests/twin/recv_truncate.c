/*
 * MSG_TRUNC on a TCP socket discards bytes without copying them, and counts them (tcp(7)). A buffer may even
 * be missing. Programs skip a literal this way.
 */
#include "twin.h"

int main(void)
{
    twin_start();
    int fd = twin_connect();
    char buffer[64];
    memset(buffer, '-', sizeof buffer);
    peer("send 30");
    wait_readable(fd, 30);
    SAY(recv(fd, buffer, 10, MSG_TRUNC));
    say("untouched: %d", buffer[0] == '-' && buffer[9] == '-');
    SAY(recv(fd, NULL, 10, MSG_TRUNC));
    SAY(recv(fd, buffer, sizeof buffer, MSG_TRUNC | MSG_PEEK));
    SAY(recv(fd, buffer, sizeof buffer, 0));
    say("as sent: %d", is_pattern(buffer, 20, 10));
    SAY(recv(fd, buffer, 10, MSG_TRUNC | MSG_DONTWAIT));
    return 0;
}
