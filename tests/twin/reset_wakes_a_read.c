/*
 * A waiting read returns ECONNRESET when the connection is reset: not a clean end.
 */
#include <pthread.h>

#include "twin.h"

static void *ender(void *reader)
{
    wait_sleeping(*(pid_t *)reader);
    peer("reset");
    return NULL;
}

int main(void)
{
    twin_start();
    int fd = twin_connect();
    pid_t self = getpid();
    pthread_t thread;
    char byte;
    pthread_create(&thread, NULL, ender, &self);
    SAY(read(fd, &byte, 1));
    pthread_join(thread, NULL);
    return 0;
}
