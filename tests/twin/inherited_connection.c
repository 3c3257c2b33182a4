/*
 * A connection that another program made and handed down (tcpclient, inetd, socket activation), used by a
 * program that never calls connect().
 */
#include "twin.h"

int main(int argc, char **argv)
{
    twin_start();
    struct sockaddr_in server = twin_server();
    if (argc > 1) {
        say_addresses(0, SA(&server), sizeof server);
        twin_greeting(0);
        SAY(write(0, "hello", 5));
        SAY_PEER("expect 5");
        return 0;
    }
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    SAY(connect(fd, SA(&server), sizeof server));
    SAY(dup2(fd, 0));
    SAY(close(fd));
    exec_again(argv[0], "child");
    return 1;
}
