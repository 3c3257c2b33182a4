/*
 * MSG_WAITALL waits until the buffer is full, over many segments. At the end of the stream it returns what
 * there is.
 */
#include <pthread.h>

#include "twin.h"

static void *sender(void *nothing)
{
    for (int i = 0; i < 10; i++)
        peer("send 10");
    return nothing;
}

int main(void)
{
    twin_start();
    int fd = twin_connect();
    char buffer[200];
    pthread_t thread;
    pthread_create(&thread, NULL, sender, NULL);
    SAY(recv(fd, buffer, 95, MSG_WAITALL));
    say("as sent: %d", is_pattern(buffer, 0, 95));
    pthread_join(thread, NULL);
    wait_readable(fd, 5);
    SAY(recv(fd, buffer, 50, MSG_WAITALL | MSG_DONTWAIT));
    peer("send 20");
    peer("half");
    SAY(recv(fd, buffer, sizeof buffer, MSG_WAITALL));
    say("as sent: %d", is_pattern(buffer, 100, 20));
    SAY(recv(fd, buffer, sizeof buffer, MSG_WAITALL));
    return 0;
}
