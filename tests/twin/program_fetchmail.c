/*
 * What fetchmail does: a timer runs all the time, it peeks for the end of a line and reads that much, and a
 * delivery agent that it forks has the socket too.
 */
#include <sys/time.h>

#include "twin.h"

static void handler(int signal)
{
    (void)signal;
}

static void line(int fd)
{
    char buffer[256];
    ssize_t n;
    char *end = NULL;
    while (!end) {
        n = recv(fd, buffer, sizeof buffer, MSG_PEEK);
        if (n <= 0 && errno != EINTR) {
            say("recv = %d", (int)n);
            return;
        }
        end = n > 0 ? memchr(buffer, '\n', (size_t)n) : NULL;
    }
    n = read(fd, buffer, (size_t)(end + 1 - buffer));
    say("%.*s", (int)n - 2, buffer);
}

int main(void)
{
    twin_start();
    sigaction(SIGALRM, &(struct sigaction){.sa_handler = handler, .sa_flags = SA_RESTART}, NULL);
    struct itimerval often = {{0, 5000}, {0, 5000}};
    setitimer(ITIMER_REAL, &often, NULL);
    int fd = twin_connect();
    SAY(write(fd, "STAT\r\n", 6));
    SAY_PEER("expect 6");
    peer("say +OK 1 100");
    peer("say +OK follows");
    peer("say .");
    for (int i = 0; i < 3; i++)
        line(fd);
    pid_t child = fork();
    if (child == 0) {
        execl("/bin/true", "true", NULL);
        _exit(98);
    }
    wait_child(child);
    SAY(write(fd, "QUIT\r\n", 6));
    SAY_PEER("expect 12");
    peer("half");
    char byte;
    SAY(read(fd, &byte, 1));
    SAY(close(fd));
    return 0;
}
