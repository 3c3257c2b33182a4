/*
 * RLIMIT_NOFILE nearly reached: connect() needs some descriptors for a moment, and must give them all back.
 */
#include <sys/resource.h>

#include "twin.h"

int main(void)
{
    twin_start();
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct rlimit limit = {(rlim_t)fd + 9, (rlim_t)fd + 9};
    SAY(setrlimit(RLIMIT_NOFILE, &limit));
    close(fd);
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
