/*
 * Asking for urgent data when there is none: EINVAL. Telnet's and FTP's ancestors do it.
 */
#include "twin.h"

int main(void)
{
    twin_start();
    int fd = twin_connect(), mark = -1, one = 1;
    char byte;
    SAY(recv(fd, &byte, 1, MSG_OOB));
    SAY(recv(fd, &byte, 1, MSG_OOB | MSG_PEEK));
    SAY(sockatmark(fd));
    SAY(ioctl(fd, SIOCATMARK, &mark));
    say("mark %d", mark);
    peer("send 5");
    wait_readable(fd, 5);
    SAY(sockatmark(fd));
    SAY(setsockopt(fd, SOL_SOCKET, SO_OOBINLINE, &one, sizeof one));
    SAY(recv(fd, &byte, 1, MSG_OOB));
    return 0;
}
