#include "relay/sandbox/openers.h"

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "monitor/opener.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed;
static struct opener {
    enum { IDLE, ASKED, HANGING } state;
    int channel;
    uint64_t path; /* that of its question */
} openers[OPENERS_LIMIT];
static size_t count; /* how many have been started */

static void make_condition(void)
{
    pthread_condattr_t attributes;

    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&changed, &attributes);
    pthread_condattr_destroy(&attributes);
}

static struct timespec in(int ms)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_sec += ms / 1000;
    t.tv_nsec += ms % 1000 * 1000000;
    t.tv_sec += t.tv_nsec / 1000000000;
    t.tv_nsec %= 1000000000;
    return t;
}

/*
 * A thread that gave up waiting left its opener's answer unread. Once the answer has arrived, that opener is
 * free again.
 */
static void look_for_late_answers(void)
{
    for (size_t i = 0; i < count; i++) {
        if (openers[i].state == HANGING && exchange_has_answer(openers[i].channel, 0)) {
            exchange_drop_answer(openers[i].channel);
            openers[i].state = IDLE;
        }
    }
}

static struct opener *asked_about(uint64_t path)
{
    for (size_t i = 0; i < count; i++) {
        if (openers[i].state != IDLE && openers[i].path == path)
            return &openers[i];
    }
    return NULL;
}

static struct opener *idle(void)
{
    for (size_t i = 0; i < count; i++) {
        if (openers[i].state == IDLE)
            return &openers[i];
    }
    return NULL;
}

static bool all_hang(void)
{
    for (size_t i = 0; i < count; i++) {
        if (openers[i].state != HANGING)
            return false;
    }
    return count == OPENERS_LIMIT;
}

/* Returns an opener that may be asked about the file, or NULL with `*error`. Call this under the lock. */
static struct opener *take(uint64_t path, int patience, int start(int *opener), int *error)
{
    const struct timespec until = in(patience);

    for (;;) {
        const struct opener *other;
        struct opener *o;

        look_for_late_answers();
        other = asked_about(path);
        o = other ? NULL : idle();
        *error = MONITOR_HANGS;
        if (o)
            return o;
        if (other ? other->state == HANGING : all_hang())
            return NULL;
        if (!other && count < OPENERS_LIMIT) {
            *error = MONITOR_NO_OPENER;
            if (start(&openers[count].channel) != 0)
                return NULL;
            return &openers[count++];
        }
        if (pthread_cond_timedwait(&changed, &lock, &until) != 0)
            return NULL;
    }
}

int openers_ask(struct exchange *c, uint64_t path, int patience, int start(int *opener))
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct opener *o;
    int error;

    pthread_once(&once, make_condition);
    pthread_mutex_lock(&lock);
    o = take(path, patience, start, &error);
    if (o) {
        o->state = ASKED;
        o->path = path;
    }
    pthread_mutex_unlock(&lock);
    if (!o)
        return error;
    error = exchange(o->channel, c, patience);
    pthread_mutex_lock(&lock);
    o->state = error == MONITOR_HANGS ? HANGING : IDLE;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
    return error;
}
