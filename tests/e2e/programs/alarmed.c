/*
 * Connects one socket three times while alarms interrupt it, with the address at the same place in memory: to
 * port 1, where nobody listens; to PORT, which answers; and to AF_UNSPEC, which undoes that. Prints how many
 * of each had another outcome: `alarmed ADDRESS PORT TIMES`.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

static struct sockaddr_in address;

static void ignore(int signal)
{
    (void)signal;
}

static int connect_to(int fd, sa_family_t family, int port)
{
    address.sin_family = family;
    address.sin_port = htons((in_port_t)port);
    return connect(fd, (const struct sockaddr *)&address, sizeof address);
}

int main(int argc, char **argv)
{
    struct sigaction action = {.sa_handler = ignore, .sa_flags = SA_RESTART};
    const struct itimerval often = {{.tv_usec = 300}, {.tv_usec = 300}};
    int refused = 0, made = 0, undone = 0;

    if (argc != 4 || inet_pton(AF_INET, argv[1], &address.sin_addr) != 1)
        return 2;
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &often, NULL);
    for (int left = atoi(argv[3]); left > 0; left--) {
        const int fd = socket(AF_INET, SOCK_STREAM, 0);
        struct sockaddr_in peer;
        socklen_t length = sizeof peer;

        refused += connect_to(fd, AF_INET, 1) == 0 || errno != ECONNREFUSED;
        made += connect_to(fd, AF_INET, atoi(argv[2])) != 0;
        undone +=
            connect_to(fd, AF_UNSPEC, 0) != 0 || getpeername(fd, (struct sockaddr *)&peer, &length) == 0;
        close(fd);
    }
    printf("%d %d %d\n", refused, made, undone);
    return 0;
}
