/*
 * read() is a cancellation point on a switched descriptor too.
 */
#include <pthread.h>
#include <sys/syscall.h>

#include "twin.h"

static int fd;
static _Atomic pid_t reader_id;

static void *reader(void *nothing)
{
    char byte;
    reader_id = (pid_t)syscall(SYS_gettid);
    SAY(read(fd, &byte, 1));
    return nothing;
}

int main(void)
{
    twin_start();
    fd = twin_connect();
    pthread_t thread;
    void *result = NULL;
    pthread_create(&thread, NULL, reader, NULL);
    WAIT_FOR(reader_id);
    wait_sleeping(reader_id);
    SAY(pthread_cancel(thread));
    SAY(pthread_join(thread, &result));
    say("cancelled: %d", result == PTHREAD_CANCELED);
    char buffer[16];
    peer("send 10");
    wait_readable(fd, 10);
    SAY(read(fd, buffer, sizeof buffer));
    return 0;
}
