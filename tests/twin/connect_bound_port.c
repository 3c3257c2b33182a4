/*
 * A bound port stays bound: rsh and old NNTP use reserved ones.
 */
#include <arpa/inet.h>

#include "twin.h"

int main(void)
{
    twin_start();
    struct sockaddr_in server = twin_server(), local = {.sin_family = AF_INET}, after;
    inet_pton(AF_INET, "127.3.2.1", &local.sin_addr);
    socklen_t size = sizeof local;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    SAY(bind(fd, SA(&local), sizeof local));
    SAY(getsockname(fd, SA(&local), &size));
    SAY(connect(fd, SA(&server), sizeof server));
    SAY(getsockname(fd, SA(&after), &size));
    say("the same port: %d", after.sin_port == local.sin_port);
    char text[32];
    snprintf(text, sizeof text, "127.3.2.1 %u", ntohs(local.sin_port));
    say("the peer sees it: %d", !strcmp(peer("address"), text));
    SAY(bind(fd, SA(&local), sizeof local));
    return 0;
}
