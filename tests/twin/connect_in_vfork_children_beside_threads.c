/*
 * Threads connect at the same time as children of vfork(2), which write into the same memory but have their
 * own descriptors. Nobody may take another's half-made connection for an abandoned one.
 */
#include <pthread.h>
#include <stdatomic.h>

#include "twin.h"

enum { THREADS = 3, SESSIONS = 60 /* per thread, at most */, CHILDREN = 30 };

static atomic_bool over;
static atomic_int failures;

static void session(const char *who)
{
    struct sockaddr_in server = twin_server();
    char byte;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(fd, SA(&server), sizeof server) || read(fd, &byte, 1) != 1) {
        say("%s: %s", who, error_name(errno));
        failures++;
    }
    close(fd);
}

static void *thread(void *argument)
{
    (void)argument;
    for (int i = 0; i < SESSIONS && !over; i++)
        session("thread");
    return NULL;
}

int main(void)
{
    twin_start();
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, thread, NULL);
    for (int i = 0; i < CHILDREN; i++) {
        pid_t child = vfork();
        if (child == 0) {
            session("child");
            _exit(0);
        }
        waitpid(child, NULL, 0);
    }
    over = true;
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    SAY(failures);
    return 0;
}
