/*
 * If a program binds its socket to an address before connect(), the server sees that address (SMTP servers
 * with several addresses, and clients' bindaddress options).
 */
#include <arpa/inet.h>

#include "twin.h"

int main(void)
{
    twin_start();
    struct sockaddr_in server = twin_server(), local = {.sin_family = AF_INET};
    inet_pton(AF_INET, "127.3.2.1", &local.sin_addr);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    SAY(bind(fd, SA(&local), sizeof local));
    SAY(connect(fd, SA(&server), sizeof server));
    say_addresses(fd, SA(&server), sizeof server);
    twin_greeting(fd);
    SAY(write(fd, "hello", 5));
    SAY_PEER("expect 5");
    say("the peer sees 127.3.2.1: %d", !strncmp(peer("address"), "127.3.2.1 ", 10));
    return 0;
}
