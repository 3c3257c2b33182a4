/*
 * What swaks and perl's IO::Socket do: nonblocking connect(), select(), a second connect() for the outcome,
 * back to blocking, then syswrite and sysread under alarm().
 */
#include <sys/select.h>

#include "twin.h"

int main(void)
{
    twin_start();
    struct sockaddr_in server = twin_server();
    int fd = socket(AF_INET, SOCK_STREAM, IPPROTO_TCP);
    SAY(ioctl(fd, TCGETS, NULL));
    SAY(lseek(fd, 0, SEEK_CUR));
    SAY(fcntl(fd, F_SETFD, FD_CLOEXEC));
    SAY(fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK));
    SAY(connect(fd, SA(&server), sizeof server));
    fd_set out, err;
    FD_ZERO(&out);
    FD_SET(fd, &out);
    err = out;
    struct timeval wait = {20, 0};
    SAY(select(fd + 1, NULL, &out, &err, &wait));
    SAY(connect(fd, SA(&server), sizeof server));
    SAY(connect(fd, SA(&server), sizeof server));
    SAY(fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK));
    alarm(30);
    twin_greeting(fd);
    SAY(write(fd, "EHLO x\r\n", 8));
    SAY_PEER("expect 8");
    alarm(0);
    SAY(close(fd));
    return 0;
}
