/*
 * Connects again and again while another thread changes the port in the very address that connect(2) is
 * given: `address_race ADDRESS PORT OTHER-PORT TIMES SECRET`. A supervisor that decides by the one port, and
 * then lets the kernel read the other, connects it to a guarded server in plaintext. It then writes SECRET to
 * whoever it reached, as soon as it is connected, and closes.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static volatile struct sockaddr_in address = {.sin_family = AF_INET};
static in_port_t ports[2];
static atomic_bool over;

static void *flip(void *unused)
{
    (void)unused;
    for (unsigned i = 0; !over; i++)
        address.sin_port = ports[i % 2];
    return NULL;
}

int main(int argc, char **argv)
{
    struct in_addr host;
    pthread_t thread;
    int connected = 0;

    if (argc != 6 || inet_pton(AF_INET, argv[1], &host) != 1)
        return 2;
    address.sin_addr.s_addr = host.s_addr;
    ports[0] = htons((in_port_t)atoi(argv[2]));
    ports[1] = htons((in_port_t)atoi(argv[3]));
    pthread_create(&thread, NULL, flip, NULL);
    for (int left = atoi(argv[4]); left > 0; left--) {
        const int fd = socket(AF_INET, SOCK_STREAM, 0);

        address.sin_port = ports[left % 2]; /* the other thread may not run for a while */
        if (connect(fd, (const struct sockaddr *)(const void *)&address, sizeof address) == 0) {
            connected++;
            if (write(fd, argv[5], strlen(argv[5])) < 0)
                perror("write");
        }
        close(fd);
    }
    over = true;
    pthread_join(thread, NULL);
    printf("%d\n", connected);
    return 0;
}
