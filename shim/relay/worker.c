#include "relay/worker.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "relay/sandbox.h"
#include "relay/session.h"
#include "relay/thread.h"

enum {
    /* Deep enough for OpenSSL's verification of a chain, measured with its own frames and ours: 60 KiB. */
    STACK_SIZE = 256 * 1024,
};

struct worker {
    struct worker *next;      /* of those that wait */
    struct connection *given; /* to serve next */
    pthread_cond_t woken;     /* on CLOCK_MONOTONIC */
    struct domain domain;     /* what its thread is shut into, for good */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct worker *waiting;
static unsigned spare; /* that wait */

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

static struct worker *worker_new(const struct domain *domain, struct connection *c)
{
    struct worker *w = calloc(1, sizeof *w);

    if (!w || !prepare(&w->woken)) {
        free(w);
        return NULL;
    }
    w->domain = *domain;
    w->given = c;
    return w;
}

static void worker_free(struct worker *w)
{
    pthread_cond_destroy(&w->woken);
    free(w);
}

/* Under `lock`: it waits no more. */
static void forget(const struct worker *w)
{
    struct worker **at = &waiting;

    while (*at != w)
        at = &(*at)->next;
    *at = w->next;
    spare--;
}

/* The next connection; NULL where none has come in time, or enough other threads wait. */
static struct connection *next(struct worker *w)
{
    struct timespec until;
    int error = 0;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += WORKER_PATIENCE / 1000;
    w->given = NULL;
    pthread_mutex_lock(&lock);
    if (spare < WORKERS_SPARE) {
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
    struct worker *const w = argument;
    struct connection *c = w->given;
    const bool shut_in = sandbox_enter_domain(&w->domain, c);

    do {
        sandbox_tell(c);
        session_run(c);
        connection_free(c);
        c = shut_in ? next(w) : NULL;
    } while (c);
    worker_free(w);
    return NULL;
}

/* To a thread that waits in the same domain. */
static bool give(struct connection *c, const struct domain *domain)
{
    struct worker *w;

    pthread_mutex_lock(&lock);
    for (w = waiting; w && !domain_is_same(&w->domain, domain);)
        w = w->next;
    if (w) {
        forget(w);
        w->given = c;
        pthread_cond_signal(&w->woken);
    }
    pthread_mutex_unlock(&lock);
    return w != NULL;
}

bool worker_run(struct connection *c)
{
    struct domain domain;
    struct worker *w;

    sandbox_plan(&domain, c);
    if (give(c, &domain))
        return true;
    w = worker_new(&domain, c);
    if (w && thread_start(work, w, STACK_SIZE))
        return true;
    if (w)
        worker_free(w);
    return false;
}
