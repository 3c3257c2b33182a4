/*
 * F_GETFL and F_SETFL on a connection: O_NONBLOCK back and forth, and the flags that a socket ignores.
 */
#include "twin.h"

int main(void)
{
    twin_start();
    int fd = twin_connect(), on = 1;
    char byte;
    SAY(fcntl(fd, F_GETFL));
    SAY(fcntl(fd, F_SETFL, O_NONBLOCK));
    SAY(fcntl(fd, F_GETFL));
    SAY(read(fd, &byte, 1));
    SAY(fcntl(fd, F_SETFL, O_APPEND | O_ASYNC));
    SAY(fcntl(fd, F_GETFL));
    SAY(fcntl(fd, F_SETFL, 0));
    SAY(ioctl(fd, FIONBIO, &on));
    SAY(fcntl(fd, F_GETFL));
    on = 0;
    SAY(ioctl(fd, FIONBIO, &on));
    SAY(fcntl(fd, F_GETFL));
    SAY(fcntl(fd, F_SETFL, O_DIRECT));
    SAY(fcntl(fd, F_GETFD));
    SAY(fcntl(fd, F_SETFD, FD_CLOEXEC));
    SAY(fcntl(fd, F_GETFD));
    SAY(ioctl(fd, FIONCLEX));
    SAY(fcntl(fd, F_GETFD));
    SAY(ioctl(fd, FIOCLEX));
    SAY(fcntl(fd, F_GETFD));
    SAY(fcntl(fd, F_GETPIPE_SZ));
    SAY(fcntl(fd, F_GET_SEALS));
    SAY(fcntl(fd, F_GETLEASE));
    SAY(fcntl(fd, F_GETOWN));
    SAY(fcntl(fd, 9999));
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    SAY(fcntl(fd, F_SETLK, &lock));
    return 0;
}
