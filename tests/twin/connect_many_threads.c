/*
 * Many threads connect at once, each to its own connection: none gets another's bytes, none fails.
 */
#include <pthread.h>

#include "twin.h"

enum { THREADS = 16 };

static void *client(void *argument)
{
    int number = *(int *)argument;
    int fd = twin_connect();
    char text[16];
    int length = snprintf(text, sizeof text, "thread %02d", number);
    if (write(fd, text, (size_t)length) != length)
        say("thread %d: write: %s", number, error_name(errno));
    char back[16] = "";
    ssize_t n = recv(fd, back, (size_t)length, MSG_WAITALL);
    if (n != length || memcmp(text, back, (size_t)length))
        say("thread %d: %d bytes came back: %s", number, (int)n, back);
    close(fd);
    return NULL;
}

static void *echo_all(void *argument)
{
    for (int i = 0; i < *(int *)argument; i++)
        peer("@%d echo", i);
    return NULL;
}

int main(void)
{
    twin_start();
    pthread_t threads[THREADS], echo;
    int numbers[THREADS], count = THREADS;
    for (int i = 0; i < THREADS; i++) {
        numbers[i] = i;
        pthread_create(&threads[i], NULL, client, &numbers[i]);
    }
    pthread_create(&echo, NULL, echo_all, &count);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    pthread_join(echo, NULL);
    say("all threads have ended");
    return 0;
}
