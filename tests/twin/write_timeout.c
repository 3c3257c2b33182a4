/*
 * SO_SNDTIMEO: a write that cannot go on gives up and returns what it has sent, and the next one returns
 * EAGAIN.
 */
#include <sys/time.h>

#include "twin.h"

enum { SIZE = 40 << 20 };

int main(void)
{
    twin_start();
    int fd = twin_connect();
    unsigned char *data = calloc(1, SIZE);
    struct timeval wait = {0, 300000};
    SAY(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait));
    peer("stop");
    ssize_t n = write(fd, data, SIZE);
    say("a part was written: %d", n > 0 && n < SIZE);
    for (int i = 0; i < 50 && n > 0; i++)
        n = write(fd, data, SIZE);
    say("then %d %s", (int)n, error_name(errno));
    free(data);
    return 0;
}
