/*
 * A blocking write of more than fits waits until the server has read, and returns the full count.
 */
#include <pthread.h>

#include "twin.h"

enum { SIZE = 40 << 20 };

static void *reader(void *writer)
{
    wait_sleeping(*(pid_t *)writer);
    peer("go");
    return NULL;
}

int main(void)
{
    twin_start();
    int fd = twin_connect();
    unsigned char *data = malloc(SIZE);
    fill_pattern(data, 0, SIZE);
    peer("stop");
    pid_t self = getpid();
    pthread_t thread;
    pthread_create(&thread, NULL, reader, &self);
    SAY(write(fd, data, SIZE));
    pthread_join(thread, NULL);
    SAY_PEER("expect 41943040");
    free(data);
    return 0;
}
