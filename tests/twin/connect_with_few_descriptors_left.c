/*
 * RLIMIT_NOFILE is nearly reached. connect() needs some descriptors for a moment, and must give them all
 * back.
 */
#include <sys/resource.h>

#include "twin.h"

int main(void)
{
    twin_start();
    enum { LIMIT = 100, LEFT = 9 };
    struct rlimit limit = {LIMIT, LIMIT};
    SAY(setrlimit(RLIMIT_NOFILE, &limit));
    int fd = -1;
    while (fd < LIMIT - LEFT - 1)
        fd = dup(1);
    for (int i = 0; i < 5; i++) {
        fd = twin_connect();
        SAY(write(fd, "hello", 5));
        SAY_PEER("expect 5");
        close(fd);
    }
    int count = 0;
    while (dup(1) >= 0)
        count++;
    say("%d numbers are free, then %s", count, error_name(errno));
    return 0;
}
