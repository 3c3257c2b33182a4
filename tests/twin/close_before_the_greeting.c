/*
 * A program connects to see whether somebody listens, and closes at once, or after a word.
 */
#include "twin.h"

int main(void)
{
    twin_start();
    struct sockaddr_in server = twin_server();
    for (int i = 0; i < 5; i++) {
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        SAY(connect(fd, SA(&server), sizeof server));
        SAY(close(fd));
    }
    close(twin_connect());
    SAY_PEER("accepted 6");
    SAY_PEER("@5 end");
    return 0;
}
