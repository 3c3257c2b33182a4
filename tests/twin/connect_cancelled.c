/*
 * connect() is a cancellation point. A thread that waits in it can be cancelled, and its cleanup handler
 * closes the descriptor. A thread with a cancellation pending does not connect at all.
 */
#include <pthread.h>
#include <sys/syscall.h>

#include "twin.h"

static _Atomic pid_t thread_id;

static void cleanup(void *fd)
{
    SAY_AS("close", close(*(int *)fd));
}

static void *client(void *argument)
{
    (void)argument;
    struct sockaddr_in server = twin_slow();
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    pthread_cleanup_push(cleanup, &fd);
    thread_id = (pid_t)syscall(SYS_gettid);
    SAY(connect(fd, SA(&server), sizeof server));
    pthread_cleanup_pop(0);
    return NULL;
}

static void *cancelled_before(void *argument)
{
    struct sockaddr_in server = twin_server();
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    pthread_cleanup_push(cleanup, &fd);
    pthread_cancel(pthread_self());
    SAY(connect(fd, SA(&server), sizeof server));
    pthread_cleanup_pop(0);
    return argument;
}

/* pthread_join() returns a moment before the kernel's thread is gone, and under qemu-user a long moment. */
static bool is_gone(pid_t thread)
{
    return syscall(SYS_tgkill, getpid(), thread, 0) != 0 && errno == ESRCH;
}

int main(void)
{
    twin_start();
    close(twin_connect());
    int before = open_descriptors();
    pthread_t thread;
    void *result = NULL;
    SAY(pthread_create(&thread, NULL, client, NULL));
    WAIT_FOR(thread_id);
    WAIT_FOR(open_descriptors() > before);
    wait_sleeping(thread_id);
    int cancelled = pthread_cancel(thread); /* reported later, as the thread reports too */
    SAY(pthread_join(thread, &result));
    say("pthread_cancel = %d", cancelled);
    say("cancelled: %d", result == PTHREAD_CANCELED);
    WAIT_FOR(is_gone(thread_id));
    int created = pthread_create(&thread, NULL, cancelled_before, NULL); /* reported later too */
    SAY(pthread_join(thread, &result));
    say("pthread_create = %d, cancelled: %d", created, result == PTHREAD_CANCELED);
    int fd = twin_connect();
    SAY(write(fd, "hello", 5));
    SAY_PEER("expect 5");
    SAY(close(fd));
    say("descriptors more than before: %d", open_descriptors() - before);
    return 0;
}
