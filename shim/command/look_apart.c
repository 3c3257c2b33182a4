#include "command/look_apart.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { NUMBERS = 4096 }; /* callers hardly have more descriptors open than this */

static int64_t now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

/* A pipe delivers an answer of this size in one piece (pipe(7), PIPE_BUF). */
static bool receive(int from, void *answer, size_t room)
{
    const int64_t until = now() + LOOK_PATIENCE;
    struct pollfd in = {.fd = from, .events = POLLIN};
    int ready;

    do {
        const int64_t left = until - now();
        ready = poll(&in, 1, left > 0 ? (int)left : 0);
    } while (ready < 0 && errno == EINTR);
    return ready > 0 && read(from, answer, room) == (ssize_t)room;
}

/* Closes the child's copies: a child that hangs must not keep a reader of our output waiting. */
static void close_all_but(int kept)
{
    const long limit = sysconf(_SC_OPEN_MAX);

    for (int fd = 0; fd < (limit > 0 && limit < NUMBERS ? limit : NUMBERS); fd++) {
        if (fd != kept)
            close(fd);
    }
}

/* By now, everything that we could read is in the pipe, or will never arrive. */
static void end(pid_t child, bool answered)
{
    kill(child, SIGKILL);
    while (waitpid(child, NULL, answered ? 0 : WNOHANG) < 0 && errno == EINTR)
        ;
}

bool look_apart(void (*look)(const void *question, void *answer), const void *question, void *answer,
                size_t room)
{
    int ends[2];
    pid_t child;
    bool answered;

    if (pipe(ends) != 0)
        return false;
    child = fork();
    if (child == 0) {
        close_all_but(ends[1]);
        look(question, answer);
        _exit(write(ends[1], answer, room) == (ssize_t)room ? EXIT_SUCCESS : EXIT_FAILURE);
    }
    close(ends[1]);
    answered = child > 0 && receive(ends[0], answer, room);
    close(ends[0]);
    if (child > 0)
        end(child, answered);
    return answered;
}
