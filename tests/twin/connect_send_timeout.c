/*
 * SO_SNDTIMEO limits a blocking connect(): EINPROGRESS when it has passed, and the connection goes on. msmtp
 * and mpop set their timeouts this way.
 */
#include <sys/time.h>

#include "twin.h"

int main(void)
{
    twin_start();
    peer("hold");
    struct sockaddr_in server = twin_slow();
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct timeval wait = {0, 60000}, back = {9, 9};
    socklen_t size = sizeof back;
    SAY(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait));
    SAY(connect(fd, SA(&server), sizeof server));
    say_events("after", fd);
    SAY(getsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &back, &size));
    say("SO_SNDTIMEO %d s, %s", (int)back.tv_sec, back.tv_usec >= 60000 ? "as set" : "changed");
    SAY(connect(fd, SA(&server), sizeof server));
    peer("slow open");
    wait_events(fd, POLLOUT);
    SAY(connect(fd, SA(&server), sizeof server));
    SAY(connect(fd, SA(&server), sizeof server));
    return 0;
}
