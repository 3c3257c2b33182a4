/*
 * getsockname() returns the address that the server sees as its client. Protocols that carry addresses (FTP's
 * PORT, ident, IRC's DCC) and programs that log for fail2ban compare the two.
 */
#include <arpa/inet.h>

#include "twin.h"

int main(void)
{
    twin_start();
    int fd = twin_connect();
    struct sockaddr_in local;
    socklen_t size = sizeof local;
    SAY(getsockname(fd, SA(&local), &size));
    char text[64], address[INET_ADDRSTRLEN];
    inet_ntop(AF_INET, &local.sin_addr, address, sizeof address);
    snprintf(text, sizeof text, "%s %u", address, ntohs(local.sin_port));
    say("the peer sees %s", strcmp(peer("address"), text) ? "another address" : "the same address");
    return 0;
}
