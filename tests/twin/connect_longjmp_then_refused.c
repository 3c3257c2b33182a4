/*
 * The server refuses after the program has left connect() by siglongjmp(). poll() and the next connect()
 * report it, and another one starts afresh.
 */
#include "left.h"

int main(void)
{
    twin_start();
    struct sockaddr_in server = twin_slow(), other = twin_server();
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    connect_and_leave(fd, &server);
    say_events("left", fd);
    peer("slow refuse");
    wait_events(fd, POLLERR | POLLOUT);
    say_events("refused", fd);
    SAY(connect(fd, SA(&server), sizeof server));
    SAY(connect(fd, SA(&other), sizeof other));
    twin_greeting(fd);
    SAY(write(fd, "hello", 5));
    SAY_PEER("expect 5");
    return 0;
}
