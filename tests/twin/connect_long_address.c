/*
 * An address longer than necessary (of the size of a struct sockaddr_storage, as many programs pass)
 * connects.
 */
#include "twin.h"

int main(void)
{
    twin_start();
    struct sockaddr_storage storage = {0};
    struct sockaddr_in server = twin_server();
    memcpy(&storage, &server, sizeof server);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    SAY(connect(fd, SA(&storage), sizeof storage));
    say_addresses(fd, SA(&server), sizeof server);
    twin_greeting(fd);
    return 0;
}
