/*
 * The server ends, and nothing was ever sent after the greeting: the end shows at once.
 */
#include "twin.h"

int main(void)
{
    twin_start();
    int fd = twin_connect();
    char byte;
    say_events("before", fd);
    peer("half");
    wait_events(fd, POLLRDHUP);
    say_events("end", fd);
    SAY(read(fd, &byte, 1));
    return 0;
}
