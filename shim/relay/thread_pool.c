#include "relay/thread_pool.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "monitor/threads/thread.h"
#include "relay/relay_log.h"
#include "relay/sandbox/sandbox.h"
#include "relay/session.h"

enum {
    /* Enough for OpenSSL to verify a chain: 60 KiB were measured, with its frames and ours. */
    STACK_SIZE = 256 * 1024,
};

struct pool_thread {
    struct pool_thread *next; /* list of the waiting ones */
    struct connection *given; /* the connection to serve next */
    pthread_cond_t woken;     /* on CLOCK_MONOTONIC */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct pool_thread *waiting;
static unsigned spare; /* waiting threads */

static bool prepare(pthread_cond_t *woken)
{
    pthread_condattr_t attributes;
    bool good;

    if (pthread_condattr_init(&attributes) != 0)
        return false;
    good = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0 &&
           pthread_cond_init(woken, &attributes) == 0;
    pthread_condattr_destroy(&attributes);
    return good;
}

static struct pool_thread *thread_new(struct connection *c)
{
    struct pool_thread *w = calloc(1, sizeof *w);

    if (!w || !prepare(&w->woken)) {
        free(w);
        return NULL;
    }
    w->given = c;
    return w;
}

static void thread_free(struct pool_thread *w)
{
    pthread_cond_destroy(&w->woken);
    free(w);
}

/* Call under `lock`: `w` no longer waits. */
static void forget(const struct pool_thread *w)
{
    struct pool_thread **at = &waiting;

    while (*at != w)
        at = &(*at)->next;
    *at = w->next;
    spare--;
}

/* The next connection; NULL if none has come in time, or if enough other threads wait. */
static struct connection *next(struct pool_thread *w)
{
    struct timespec until;
    int error = 0;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += POOL_PATIENCE / 1000;
    w->given = NULL;
    pthread_mutex_lock(&lock);
    if (spare < POOL_SPARE) {
        spare++;
        w->next = waiting;
        waiting = w;
        while (!w->given && error == 0)
            error = pthread_cond_timedwait(&w->woken, &lock, &until);
        if (!w->given)
            forget(w);
    }
    pthread_mutex_unlock(&lock);
    return w->given;
}

static void *work(void *argument)
{
    struct pool_thread *const w = argument;
    struct connection *c = w->given;

    do {
        const char *const missing = sandbox_report_missing();

        if (missing)
            relay_log_warning(&c->files, c->request.settings.log, missing);
        session_run(c);
        connection_free(c);
        c = next(w);
    } while (c);
    thread_free(w);
    return NULL;
}

/* Gives `c` to a waiting thread, if there is one. */
static bool give(struct connection *c)
{
    struct pool_thread *w;

    pthread_mutex_lock(&lock);
    w = waiting;
    if (w) {
        forget(w);
        w->given = c;
        pthread_cond_signal(&w->woken);
    }
    pthread_mutex_unlock(&lock);
    return w != NULL;
}

bool thread_pool_run(struct connection *c)
{
    struct pool_thread *w;

    if (give(c))
        return true;
    w = thread_new(c);
    if (w && thread_start(work, w, STACK_SIZE))
        return true;
    if (w)
        thread_free(w);
    return false;
}
