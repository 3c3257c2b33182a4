/*
 * shutdown() in one thread wakes a read in another with 0: the usual way to stop a reader.
 */
#include <pthread.h>

#include "twin.h"

static int fd;

static void *stopper(void *reader)
{
    wait_sleeping(*(pid_t *)reader);
    SAY(shutdown(fd, SHUT_RDWR));
    return NULL;
}

int main(void)
{
    twin_start();
    fd = twin_connect();
    pid_t self = getpid();
    pthread_t thread;
    char byte;
    pthread_create(&thread, NULL, stopper, &self);
    int n = (int)read(fd, &byte, 1);
    pthread_join(thread, NULL);
    say("read = %d", n);
    return 0;
}
