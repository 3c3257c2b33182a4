/*
 * SO_RCVTIMEO, set before connect() or after: a read gives up with EAGAIN when the time has passed, not
 * before. It returns what has come in time.
 */
#include <sys/time.h>
#include <time.h>

#include "twin.h"

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void wait_in_vain(int fd)
{
    struct timeval wait = {0, 0};
    socklen_t size = sizeof wait;
    char buffer[64];
    double start = now();
    SAY(read(fd, buffer, sizeof buffer));
    double took = now() - start;
    say("after the time: %d", took >= 0.099);
    SAY(getsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, &size));
    say("%d.%06d s", (int)wait.tv_sec, (int)wait.tv_usec);
}

int main(void)
{
    twin_start();
    struct timeval wait = {0, 100000};
    struct sockaddr_in server = twin_server();
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    SAY(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait));
    SAY(connect(fd, SA(&server), sizeof server));
    twin_greeting(fd);
    wait_in_vain(fd);
    int second = twin_connect();
    SAY(setsockopt(second, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait));
    wait_in_vain(second);
    peer("send 10");
    wait_readable(second, 10);
    char buffer[64];
    SAY(read(second, buffer, sizeof buffer));
    return 0;
}
