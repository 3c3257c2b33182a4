/*
 * The main thread ends by pthread_exit(3) and leaves the work to other threads. /proc/self then shows neither
 * the descriptors nor the files of the process.
 */
#include <pthread.h>

#include "twin.h"

static void *rest(void *argument)
{
    char path[16];
    WAIT_FOR(readlink("/proc/self/exe", path, sizeof path) < 0);
    (void)argument;
    struct sockaddr_in server = twin_server();
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    int copy = dup(fd);
    SAY(connect(fd, SA(&server), sizeof server));
    twin_greeting(fd);
    SAY(write(copy, "hello", 5));
    SAY_PEER("expect 5");
    exit(0);
}

int main(void)
{
    twin_start();
    pthread_t thread;
    pthread_create(&thread, NULL, rest, NULL);
    pthread_exit(NULL);
}
