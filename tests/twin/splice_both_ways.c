/*
 * splice() between a pipe and the socket, in both directions.
 */
#include "twin.h"

int main(void)
{
    twin_start();
    int fd = twin_connect(), ends[2];
    char buffer[64];
    if (pipe(ends) != 0)
        return 1;
    fill_pattern(buffer, 0, 40);
    SAY(write(ends[1], buffer, 40));
    SAY(splice(ends[0], NULL, fd, NULL, 100, 0));
    SAY_PEER("expect 40");
    peer("send 30");
    wait_readable(fd, 30);
    SAY(splice(fd, NULL, ends[1], NULL, 20, 0));
    SAY(splice(fd, NULL, ends[1], NULL, 100, SPLICE_F_NONBLOCK));
    SAY(read(ends[0], buffer, sizeof buffer));
    say("as sent: %d", is_pattern(buffer, 0, 30));
    SAY(fcntl(fd, F_SETFL, O_NONBLOCK));
    SAY(splice(fd, NULL, ends[1], NULL, 100, 0));
    peer("half");
    wait_events(fd, POLLRDHUP);
    SAY(splice(fd, NULL, ends[1], NULL, 100, 0));
    SAY(splice(fd, NULL, fd, NULL, 100, 0));
    return 0;
}
