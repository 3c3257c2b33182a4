/*
 * FD_CLOEXEC on a switched descriptor does what it says: the server sees the end at the exec.
 */
#include "twin.h"

int main(int argc, char **argv)
{
    twin_start();
    if (argc > 1) {
        SAY_PEER("end");
        SAY(write(atoi(argv[1]), "x", 1));
        return 0;
    }
    struct sockaddr_in server = twin_server();
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    SAY(connect(fd, SA(&server), sizeof server));
    twin_greeting(fd);
    char number[16];
    snprintf(number, sizeof number, "%d", fd);
    exec_again(argv[0], number);
    return 1;
}
