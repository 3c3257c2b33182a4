/*
 * SO_RCVLOWAT, set before connect(), stays in effect.
 */
#include "options.h"

enum { FIRST = 5 }; /* bytes of a greeting */

int main(void)
{
    twin_start();
    struct sockaddr_in server = twin_server();
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    peer("hold");
    say_set_option(fd, SOL_SOCKET, SO_RCVLOWAT, FIRST);
    SAY(connect(fd, SA(&server), sizeof server));
    say("SO_RCVLOWAT %d", option(fd, SOL_SOCKET, SO_RCVLOWAT));
    peer("greet");
    wait_readable(fd, FIRST);
    say_set_option(fd, SOL_SOCKET, SO_RCVLOWAT, 1);
    twin_greeting(fd);
    return 0;
}
