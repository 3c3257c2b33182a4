/*
 * SO_MARK, which a VPN uses for routing: it is kept through connect(), and can be changed afterwards. Without
 * the privilege: EPERM.
 */
#include "options.h"

int main(void)
{
    twin_start();
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in server = twin_server();
    say_set_option(fd, SOL_SOCKET, SO_MARK, 0x1234);
    SAY(connect(fd, SA(&server), sizeof server));
    twin_greeting(fd);
    say("mark %d", option(fd, SOL_SOCKET, SO_MARK));
    say_set_option(fd, SOL_SOCKET, SO_MARK, 0x4321);
    say("mark %d", option(fd, SOL_SOCKET, SO_MARK));
    if (getuid() == 0)
        SAY(setresuid(65534, 65534, 65534));
    say_set_option(fd, SOL_SOCKET, SO_MARK, 1);
    say_set_option(fd, SOL_SOCKET, SO_PRIORITY, 7);
    say_set_option(fd, SOL_SOCKET, SO_PRIORITY, 6);
    say("priority %d", option(fd, SOL_SOCKET, SO_PRIORITY));
    return 0;
}
