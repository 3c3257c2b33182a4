/*
 * Every readable option of SOL_SOCKET, before connect(), pending, connected and after the server's end.
 * Libraries ask for the strangest (SO_PEERCRED to find UNIX sockets, SO_DOMAIN, SO_PROTOCOL, SO_ACCEPTCONN).
 */
#include "options.h"

enum { LAST = 83 };

int main(void)
{
    twin_start();
    struct sockaddr_in server = twin_slow();
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    say("before");
    say_options(fd, SOL_SOCKET, 0, LAST);
    SAY(connect(fd, SA(&server), sizeof server));
    say_options(fd, SOL_SOCKET, 0, LAST);
    peer("slow open");
    wait_events(fd, POLLOUT);
    twin_greeting(fd);
    say("connected");
    say_options(fd, SOL_SOCKET, 0, LAST);
    peer("half");
    wait_events(fd, POLLRDHUP);
    say("ended");
    say_options(fd, SOL_SOCKET, 0, LAST);
    return 0;
}
