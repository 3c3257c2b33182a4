/*
 * SO_PEEK_OFF: each MSG_PEEK continues where the last one ended.
 */
#include "twin.h"

int main(void)
{
    twin_start();
    int fd = twin_connect(), value = 0;
    socklen_t size = sizeof value;
    char buffer[64];
    peer("send 30");
    wait_readable(fd, 30);
    SAY(getsockopt(fd, SOL_SOCKET, SO_PEEK_OFF, &value, &size));
    say("%d", value);
    value = 0;
    SAY(setsockopt(fd, SOL_SOCKET, SO_PEEK_OFF, &value, sizeof value));
    SAY(recv(fd, buffer, 10, MSG_PEEK));
    SAY(recv(fd, buffer, 10, MSG_PEEK));
    say("goes on: %d", is_pattern(buffer, 10, 10));
    SAY(recv(fd, buffer, 5, 0));
    SAY(getsockopt(fd, SOL_SOCKET, SO_PEEK_OFF, &value, &size));
    say("%d", value);
    return 0;
}
