/*
 * select() reports a refusal as readable and writable, but as no exception. Then read() returns the error,
 * once.
 */
#include <sys/select.h>

#include "twin.h"

int main(void)
{
    twin_start();
    struct sockaddr_in server = twin_slow();
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    SAY(connect(fd, SA(&server), sizeof server));
    peer("slow refuse");
    fd_set in, out, err;
    FD_ZERO(&in);
    FD_ZERO(&out);
    FD_ZERO(&err);
    FD_SET(fd, &in);
    FD_SET(fd, &out);
    FD_SET(fd, &err);
    struct timeval wait = {20, 0};
    SAY(select(fd + 1, &in, &out, &err, &wait));
    say("in %d, out %d, err %d", !!FD_ISSET(fd, &in), !!FD_ISSET(fd, &out), !!FD_ISSET(fd, &err));
    char byte;
    SAY(read(fd, &byte, 1));
    SAY(read(fd, &byte, 1));
    return 0;
}
