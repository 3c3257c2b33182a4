/*
 * A program writes before it has read the greeting. Its words arrive, in order.
 */
#include "twin.h"

int main(void)
{
    twin_start();
    peer("hold");
    struct sockaddr_in server = twin_server();
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    SAY(connect(fd, SA(&server), sizeof server));
    SAY(write(fd, "hello", 5));
    SAY(write(fd, "world", 5));
    say_events("waiting", fd);
    peer("greet");
    twin_greeting(fd);
    SAY_PEER("expect 10");
    return 0;
}
