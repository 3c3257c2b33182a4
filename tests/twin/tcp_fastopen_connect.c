/*
 * TCP_FASTOPEN_CONNECT delays a connection until the first write: connect() returns 0 at once, and the data
 * arrives. With TCP_FASTOPEN_NO_COOKIE this is so with any server, even one that should greet first.
 */
#include "options.h"

#ifndef TCP_FASTOPEN_NO_COOKIE
#    define TCP_FASTOPEN_NO_COOKIE 34
#endif

static void talk(bool without_cookie)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in server = twin_server();
    say_set_option(fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 1);
    if (without_cookie)
        say_set_option(fd, IPPROTO_TCP, TCP_FASTOPEN_NO_COOKIE, 1);
    SAY(connect(fd, SA(&server), sizeof server));
    SAY(write(fd, "hello", 5));
    twin_greeting(fd);
    SAY_PEER("expect 5");
    say_addresses(fd, SA(&server), sizeof server);
    SAY(connect(fd, SA(&server), sizeof server));
}

int main(void)
{
    twin_start();
    talk(false);
    talk(true);
    return 0;
}
