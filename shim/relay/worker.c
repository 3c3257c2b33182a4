#include "relay/worker.h"

#include <pthread.h>
#include <time.h>

#include "relay/session.h"

enum {
    /* Deep enough for OpenSSL's verification of a chain, measured with its own frames and ours: 60 KiB. */
    STACK_SIZE = 256 * 1024,
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t given;       /* on CLOCK_MONOTONIC */
static struct connection *waiting; /* for a thread that has been woken; linked by `next_waiting` */
static unsigned spare;             /* threads that wait, less the connections that wait for them */

static void prepare(void)
{
    pthread_condattr_t attributes;

    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&given, &attributes);
    pthread_condattr_destroy(&attributes);
}

/* The next connection; NULL where none has come in time, or enough other threads wait. */
static struct connection *next(void)
{
    struct connection *c;
    struct timespec until;
    int error = 0;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += WORKER_PATIENCE / 1000;
    pthread_mutex_lock(&lock);
    if (spare < WORKERS_SPARE) {
        spare++;
        while (!waiting && error == 0)
            error = pthread_cond_timedwait(&given, &lock, &until);
        if (!waiting)
            spare--;
    }
    c = waiting;
    if (c)
        waiting = c->next_waiting;
    pthread_mutex_unlock(&lock);
    return c;
}

static void *work(void *argument)
{
    for (struct connection *c = argument; c; c = next()) {
        session_run(c);
        connection_free(c);
    }
    return NULL;
}

static bool give(struct connection *c)
{
    bool taken;

    pthread_mutex_lock(&lock);
    taken = spare > 0;
    if (taken) {
        spare--;
        c->next_waiting = waiting;
        waiting = c;
        pthread_cond_signal(&given);
    }
    pthread_mutex_unlock(&lock);
    return taken;
}

bool worker_run(struct connection *c)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_attr_t attributes;
    pthread_t id;
    bool started;

    pthread_once(&once, prepare);
    if (give(c))
        return true;
    if (pthread_attr_init(&attributes) != 0)
        return false;
    started = pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED) == 0 &&
              pthread_attr_setstacksize(&attributes, STACK_SIZE) == 0 &&
              pthread_create(&id, &attributes, work, c) == 0;
    pthread_attr_destroy(&attributes);
    return started;
}
