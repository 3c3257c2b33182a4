/*
 * One thread reads while another writes, on the same descriptor.
 */
#include <pthread.h>

#include "twin.h"

enum { SIZE = 1 << 20 };

static int fd;

static void *writer(void *nothing)
{
    static unsigned char data[1 << 14];
    for (size_t sent = 0; sent < SIZE;) {
        fill_pattern(data, sent, sizeof data);
        ssize_t n = write(fd, data, sizeof data);
        if (n <= 0)
            break;
        sent += (size_t)n;
    }
    return nothing;
}

int main(void)
{
    twin_start();
    fd = twin_connect();
    peer("echo");
    pthread_t thread;
    pthread_create(&thread, NULL, writer, NULL);
    static unsigned char data[SIZE];
    SAY(recv(fd, data, SIZE, MSG_WAITALL));
    say("as sent: %d", is_pattern(data, 0, SIZE));
    pthread_join(thread, NULL);
    SAY_PEER("expect 1048576");
    return 0;
}
