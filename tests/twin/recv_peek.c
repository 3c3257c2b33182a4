/*
 * MSG_PEEK shows bytes and leaves them, again and again. fetchmail looks at each line this way before it
 * reads it.
 */
#include "twin.h"

int main(void)
{
    twin_start();
    int fd = twin_connect(), left;
    char buffer[64];
    SAY(recv(fd, buffer, sizeof buffer, MSG_PEEK | MSG_DONTWAIT));
    peer("send 30");
    wait_readable(fd, 30);
    for (int i = 0; i < 3; i++) {
        SAY(recv(fd, buffer, sizeof buffer, MSG_PEEK));
        say("as sent: %d", is_pattern(buffer, 0, 30));
    }
    SAY(recv(fd, buffer, 7, MSG_PEEK));
    SAY(read(fd, buffer, 7));
    SAY(recv(fd, buffer, sizeof buffer, MSG_PEEK));
    say("as sent: %d", is_pattern(buffer, 7, 23));
    SAY(recv(fd, buffer, 1, MSG_PEEK | MSG_WAITALL));
    SAY(ioctl(fd, FIONREAD, &left));
    say("left %d", left);
    peer("half");
    wait_events(fd, POLLRDHUP);
    SAY(recv(fd, buffer, sizeof buffer, MSG_PEEK));
    SAY(recv(fd, buffer, sizeof buffer, 0));
    SAY(recv(fd, buffer, sizeof buffer, MSG_PEEK));
    SAY(recv(fd, buffer, sizeof buffer, 0));
    return 0;
}
