/*
 * If this machine refuses a nonblocking connect(), SO_ERROR returns the error before the program waits for
 * anything, and once. A program that tries several addresses side by side (Python's rfc6555) does not look
 * again, and would take the socket for connected if the error came later.
 */
#include "twin.h"

static void say_error(int fd)
{
    int error = -1;
    socklen_t size = sizeof error;
    getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
    say("SO_ERROR %s", error_name(error));
}

int main(void)
{
    twin_start();
    struct sockaddr_in refusing = twin_refusing(), server = twin_server();
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    SAY(connect(fd, SA(&refusing), sizeof refusing));
    say_error(fd);
    say_events("refused", fd);
    say_error(fd);
    char byte;
    SAY(send(fd, "x", 1, MSG_NOSIGNAL));
    SAY(read(fd, &byte, 1));
    SAY(connect(fd, SA(&server), sizeof server));
    SAY(connect(fd, SA(&server), sizeof server));
    wait_events(fd, POLLOUT);
    say_error(fd);
    SAY(fcntl(fd, F_SETFL, O_RDWR));
    twin_greeting(fd);
    SAY(write(fd, "hello", 5));
    SAY_PEER("expect 5");
    return 0;
}
