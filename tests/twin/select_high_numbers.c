/*
 * select() with a descriptor above FD_SETSIZE, in a set that the program made itself, and pselect().
 */
#include <sys/select.h>

#include "twin.h"

enum { NUMBER = 1500 };

int main(void)
{
    twin_start();
    int fd = twin_connect();
    SAY(dup2(fd, NUMBER));
    SAY(close(fd));
    static long in[NUMBER / (8 * sizeof(long)) + 1], out[NUMBER / (8 * sizeof(long)) + 1];
    in[NUMBER / (8 * sizeof(long))] |= (long)(1UL << (NUMBER % (8 * sizeof(long))));
    memcpy(out, in, sizeof in);
    struct timeval none = {0, 0};
    SAY(select(NUMBER + 1, (fd_set *)in, (fd_set *)out, NULL, &none));
    say("in %d, out %d", !!in[NUMBER / (8 * sizeof(long))], !!out[NUMBER / (8 * sizeof(long))]);
    peer("send 10");
    wait_readable(NUMBER, 10);
    memcpy(in, out, sizeof in);
    SAY(pselect(NUMBER + 1, (fd_set *)in, NULL, NULL, NULL, NULL));
    say("in %d", !!in[NUMBER / (8 * sizeof(long))]);
    return 0;
}
