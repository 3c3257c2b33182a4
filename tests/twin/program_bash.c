/*
 * What bash does with exec 3<>/dev/tcp/...: connect(), dup2() to another number, reads of one byte, and its
 * printf with the socket as descriptor 1.
 */
#include "twin.h"

int main(void)
{
    twin_start();
    struct sockaddr_in server = twin_server();
    int fd = socket(AF_INET, SOCK_STREAM, IPPROTO_TCP);
    SAY(connect(fd, SA(&server), sizeof server));
    SAY(dup2(fd, 30));
    SAY(close(fd));
    twin_greeting(30);
    int saved = fcntl(1, F_DUPFD, 10);
    SAY(fcntl(saved, F_SETFD, FD_CLOEXEC));
    SAY(dup2(30, 1));
    SAY(printf("%s\r\n", "QUIT"));
    SAY(fflush(stdout));
    SAY(dup2(saved, 1));
    SAY_PEER("expect 6");
    peer("say +OK bye");
    wait_readable(30, 9);
    char byte = 0, line[32] = "";
    for (size_t i = 0; byte != '\n' && read(30, &byte, 1) == 1; i++)
        line[i] = byte;
    say("%.7s", line);
    SAY(close(30));
    SAY_PEER("end");
    return 0;
}
