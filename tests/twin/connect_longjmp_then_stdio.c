/*
 * After leaving a blocking connect() by siglongjmp(), the program makes a stream of the descriptor. What it
 * writes waits for the connection, and what it reads is the server's greeting.
 */
#include "left_stdio.h"

int main(void)
{
    twin_start();
    struct sockaddr_in server = twin_slow();
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    connect_and_leave(fd, &server);
    talk(fdopen(fd, "r+"));
    return 0;
}
