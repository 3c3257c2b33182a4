#include "relay/io/edges.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

/* With a single processor nobody can write while this thread polls. */
static bool several_processors;

static void count_processors(void)
{
    cpu_set_t set;

    several_processors = sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 1;
}

static int64_t microseconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000) + now.tv_nsec / 1000;
}

/*
 * Polls for events without sleeping, one thread at a time: two would keep each other, and the peers that they
 * wait for, off the processors.
 */
static int look(const struct edges *e, struct epoll_event found[SIDES], int64_t until)
{
    static atomic_flag looking = ATOMIC_FLAG_INIT;
    int count = 0;

    if (atomic_flag_test_and_set(&looking))
        return 0;
    while ((count = epoll_wait(e->epoll, found, SIDES, 0)) == 0 && microseconds() < until)
        sched_yield();
    atomic_flag_clear(&looking);
    return count;
}

bool edges_open(struct edges *e, int program, int server)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, count_processors);
    *e = (struct edges){.epoll = epoll_create1(EPOLL_CLOEXEC), .fd = {program, server}};
    return e->epoll >= 0;
}

void edges_close(struct edges *e)
{
    if (e->epoll >= 0)
        close(e->epoll);
    e->epoll = -1;
}

/* Registers what to wait for. A change makes epoll report again what is already there. */
static bool ask(struct edges *e, enum side side, bool output)
{
    const uint32_t wanted = EPOLLIN | EPOLLRDHUP | EPOLLET | (output ? (uint32_t)EPOLLOUT : 0);
    struct epoll_event event = {.events = wanted, .data.u32 = side};
    const int operation = e->asked[side] == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;

    if (e->asked[side] == wanted)
        return true;
    e->asked[side] = wanted;
    return epoll_ctl(e->epoll, operation, e->fd[side], &event) == 0;
}

int edges_wait(struct edges *e, const bool output[SIDES], uint32_t events[SIDES], int timeout, bool dialogue)
{
    struct epoll_event found[SIDES];
    const int64_t start = microseconds();
    int count = 0;

    if (!ask(e, PROGRAM_SIDE, output[PROGRAM_SIDE]) || !ask(e, SERVER_SIDE, output[SERVER_SIDE]))
        return -1;
    if (dialogue && e->close && several_processors)
        count = look(e, found, start + EDGES_LOOK);
    if (count == 0)
        count = epoll_wait(e->epoll, found, SIDES, timeout);
    e->close = microseconds() - start < EDGES_CLOSE;
    events[PROGRAM_SIDE] = events[SERVER_SIDE] = 0;
    for (int i = 0; i < count; i++)
        events[found[i].data.u32] = found[i].events;
    return count;
}
