/*
 * The stream was made of the socket before the program left connect() by siglongjmp().
 */
#include "left_stdio.h"

int main(void)
{
    twin_start();
    struct sockaddr_in server = twin_slow();
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    FILE *stream = fdopen(fd, "r+");
    connect_and_leave(fd, &server);
    talk(stream);
    return 0;
}
