/*
 * The program sends urgent data. TLS has none, so the byte goes into the stream in its place. A server with
 * SO_OOBINLINE reads the same, and no server of the mail protocols asks for more.
 *
 *     plain:    peer("expect 11") = 10 bytes instead of 11
 *     switched: peer("expect 11") = 11 bytes: hello!world
 *     because TCP keeps the urgent byte out of the stream and TLS cannot.
 */
#include "twin.h"

int main(void)
{
    twin_start();
    int fd = twin_connect();
    SAY(send(fd, "hello", 5, 0));
    SAY(send(fd, "!", 1, MSG_OOB));
    SAY(send(fd, "world", 5, 0));
    SAY(shutdown(fd, SHUT_WR));
    SAY_PEER("expect 11");
    return 0;
}
