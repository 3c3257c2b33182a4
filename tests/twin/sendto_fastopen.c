/*
 * sendto() with MSG_FASTOPEN connects and sends in one call, blocking.
 */
#include "options.h"

int main(void)
{
    twin_start();
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in server = twin_server();
    SAY(sendto(fd, "hello", 5, MSG_FASTOPEN, SA(&server), sizeof server));
    twin_greeting(fd);
    SAY_PEER("expect 5");
    say_addresses(fd, SA(&server), sizeof server);
    SAY(sendto(fd, "again", 5, MSG_FASTOPEN, SA(&server), sizeof server));
    return 0;
}
