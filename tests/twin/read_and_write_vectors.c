/*
 * readv() fills its buffers one after the other and stops when the data ends. preadv() and its like return
 * ESPIPE.
 */
#include <sys/uio.h>

#include "twin.h"

int main(void)
{
    twin_start();
    int fd = twin_connect();
    char a[4], b[6], c[20];
    struct iovec parts[] = {{a, sizeof a}, {b, sizeof b}, {c, sizeof c}};
    volatile int negative = -1, many = 2000;
    peer("send 15");
    wait_readable(fd, 15);
    SAY(readv(fd, parts, 3));
    say("as sent: %d %d %d", is_pattern(a, 0, 4), is_pattern(b, 4, 6), is_pattern(c, 10, 5));
    SAY(readv(fd, parts, negative));
    SAY(readv(fd, parts, many));
    SAY(preadv(fd, parts, 3, 0));
    SAY(pwritev(fd, parts, 3, 0));
    SAY(pread(fd, a, 4, 0));
    SAY(pwrite(fd, a, 4, 0));
    return 0;
}
