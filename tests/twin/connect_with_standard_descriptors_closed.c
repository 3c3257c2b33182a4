/*
 * A daemon closed 0, 1 and 2, so its socket gets number 0. connect() must neither take one of these numbers
 * for itself nor write to them.
 */
#include "twin.h"

int main(void)
{
    twin_start();
    close(0);
    close(1);
    close(2);
    int before = open_descriptors();
    struct sockaddr_in server = twin_server();
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    say("socket %d", fd);
    SAY(connect(fd, SA(&server), sizeof server));
    twin_greeting(fd);
    say("more than before: %d", open_descriptors() - before);
    SAY(write(fd, "hello", 5));
    SAY_PEER("expect 5");
    say("next %d", dup(fd));
    say("next %d", dup(fd));
    return 0;
}
