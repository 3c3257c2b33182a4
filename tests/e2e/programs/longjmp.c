/*
 * Limits connect() as old mail programs do, with alarm() and a handler that leaves by siglongjmp(). `longjmp
 * ADDRESS PORT TIMES`: the server never answers. The alarm may fire at any moment within connect(). Prints
 * the largest number of descriptors open after a round, for the first and the second half of the rounds.
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

static sigjmp_buf back;

static void leave(int number)
{
    siglongjmp(back, number);
}

static int open_descriptors(void)
{
    int count = 0;
    DIR *all = opendir("/proc/self/fd");
    while (all && readdir(all))
        count++;
    if (all)
        closedir(all);
    return count;
}

int main(int argc, char **argv)
{
    if (argc < 4)
        return 2;
    struct sockaddr_in server = {.sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(argv[2]))};
    inet_pton(AF_INET, argv[1], &server.sin_addr);
    signal(SIGALRM, leave);
    static volatile int round, fd, most[2];
    const int times = atoi(argv[3]);
    for (round = 0; round < times; round++) {
        fd = socket(AF_INET, SOCK_STREAM, 0);
        if (!sigsetjmp(back, 1)) {
            setitimer(ITIMER_REAL, &(struct itimerval){.it_value.tv_usec = 20000}, NULL);
            if (connect(fd, (struct sockaddr *)&server, sizeof server) == 0)
                return 1;
            pause();
        }
        close(fd);
        const int open = open_descriptors(), half = round >= times / 2;
        if (open > most[half])
            most[half] = open;
    }
    printf("%d %d\n", most[0], most[1]);
    return 0;
}
