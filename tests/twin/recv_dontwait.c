/*
 * MSG_DONTWAIT makes one call nonblocking, whatever the descriptor is; programs poll with it.
 */
#include "twin.h"

int main(void)
{
    twin_start();
    int fd = twin_connect();
    char buffer[64];
    SAY(recv(fd, buffer, sizeof buffer, MSG_DONTWAIT));
    peer("send 10");
    wait_readable(fd, 10);
    SAY(recv(fd, buffer, sizeof buffer, MSG_DONTWAIT));
    SAY(recv(fd, buffer, sizeof buffer, MSG_DONTWAIT));
    SAY(send(fd, "hello", 5, MSG_DONTWAIT));
    SAY(fcntl(fd, F_GETFL));
    SAY_PEER("expect 5");
    return 0;
}
