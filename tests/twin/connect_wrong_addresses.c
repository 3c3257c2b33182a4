/*
 * Addresses of another family, too short, or at no memory: each has its own error, and leaves the socket as
 * it was, so that the next connect() works.
 */
#include <sys/un.h>

#include "twin.h"

int main(void)
{
    twin_start();
    struct sockaddr_in server = twin_server();
    struct sockaddr_in6 server6 = twin_server6();
    struct sockaddr_un local = {.sun_family = AF_UNIX, .sun_path = "/nonexistent"};
    int fd = socket(AF_INET, SOCK_STREAM, 0), six = socket(AF_INET6, SOCK_STREAM, 0);
    SAY(connect(fd, SA(&server), 0));
    SAY(connect(fd, SA(&server), 1));
    SAY(connect(fd, SA(&server), 8));
    SAY(connect(fd, SA(&server), sizeof server - 1));
    SAY(connect(fd, SA(&server), (socklen_t)-1));
    SAY(connect(fd, SA(&server), 4096));
    SAY(connect(fd, NULL, sizeof server));
    SAY(connect(fd, SA(8), sizeof server));
    SAY(connect(fd, SA(&server6), sizeof server6));
    SAY(connect(fd, SA(&local), sizeof local));
    SAY(connect(six, SA(&server), sizeof server));
    SAY(connect(six, SA(&server6), 24));
    SAY(connect(six, SA(&server6), 23));
    SAY(connect(-1, SA(&server), sizeof server));
    SAY(connect(999, SA(&server), sizeof server));
    SAY(connect(open("/dev/null", O_RDWR), SA(&server), sizeof server));
    say_events("before connect()", fd);
    SAY(connect(fd, SA(&server), sizeof server));
    twin_greeting(fd);
    return 0;
}
