/*
 * A connection made before fork() is shared: both write, either may read, and it ends when both have closed.
 */
#include "twin.h"

int main(void)
{
    twin_start();
    struct sockaddr_in server = twin_server();
    int fd = twin_connect();
    char buffer[16];
    pid_t child = fork();
    if (child == 0) {
        SAY(write(fd, "child", 5));
        SAY_PEER("expect 5");
        say_addresses(fd, SA(&server), sizeof server);
        peer("send 10");
        wait_readable(fd, 10);
        SAY(read(fd, buffer, 4));
        _exit(0);
    }
    wait_child(child);
    SAY(read(fd, buffer, sizeof buffer));
    say("the rest: %d", is_pattern(buffer, 4, 6));
    SAY(write(fd, "parent", 6));
    SAY_PEER("expect 11");
    SAY(close(fd));
    SAY_PEER("end");
    return 0;
}
