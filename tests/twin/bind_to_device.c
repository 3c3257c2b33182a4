/*
 * SO_BINDTODEVICE before connect(): the connection goes through that interface, and the option returns its
 * name.
 */
#include "options.h"

int main(void)
{
    twin_start();
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in server = twin_server();
    char name[32] = "";
    socklen_t size = sizeof name;
    SAY(setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "lo", 3));
    SAY(connect(fd, SA(&server), sizeof server));
    twin_greeting(fd);
    SAY(getsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name, &size));
    say("%s, size %u", name, size);
    SAY(setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "nonesuch", 9));
    return 0;
}
