/*
 * The program executes another with the connection open. It stays open, and works there.
 */
#include "twin.h"

int main(int argc, char **argv)
{
    twin_start();
    if (argc > 1) {
        int fd = atoi(argv[1]);
        struct sockaddr_in server = twin_server();
        say_addresses(fd, SA(&server), sizeof server);
        SAY(write(fd, "world", 5));
        SAY_PEER("expect 10");
        int second = twin_connect();
        SAY(write(second, "second", 6));
        SAY_PEER("@1 expect 6");
        return 0;
    }
    int fd = twin_connect();
    SAY(write(fd, "hello", 5));
    char number[16];
    snprintf(number, sizeof number, "%d", fd);
    exec_again(argv[0], number);
    return 1;
}
