#include "monitor/grants.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "monitor/heap.h"
#include "monitor/threads/close_apart.h"
#include "monitor/timeouts.h"

enum { SLOT_BITS = 14, RIGHTS_KEPT = 32 };

/*
 * Guards everything below, the askers, and whatever can change in a grant. Never held during a call that may
 * hang.
 */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct grant *grants[GRANTS_LIMIT];
static size_t count, highest; /* grants; slots that have ever been used, from the first */
static uint32_t made;
static size_t free_slot; /* where to start looking */

/* ---- rights ---- */

/*
 * Returns a number for the rights. As long as we remember them, equal rights get the same number. We remember
 * only the last few.
 */
static uint64_t number_of(const struct credentials *rights)
{
    static struct {
        struct credentials *rights;
        uint64_t number;
    } kept[RIGHTS_KEPT];
    static uint64_t numbers;
    struct credentials *copy;
    const size_t size = sizeof *rights + rights->count * sizeof *rights->groups;

    for (size_t i = 0; i < RIGHTS_KEPT; i++) {
        if (kept[i].rights && credentials_are_same(kept[i].rights, rights))
            return kept[i].number;
    }
    copy = malloc(size);
    numbers++;
    if (copy) {
        memcpy(copy, rights, size);
        free(kept[numbers % RIGHTS_KEPT].rights);
        kept[numbers % RIGHTS_KEPT].rights = copy;
        kept[numbers % RIGHTS_KEPT].number = numbers;
    }
    return numbers;
}

/* ---- grants ---- */

static bool insert(struct grant *g)
{
    for (size_t i = 0; i < GRANTS_LIMIT; i++) {
        const size_t slot = (free_slot + i) % GRANTS_LIMIT;

        if (grants[slot])
            continue;
        made++;
        g->number = made << SLOT_BITS | (uint32_t)slot;
        if (g->number == 0)
            g->number = 1U << SLOT_BITS;
        grants[slot] = g;
        if (slot >= highest)
            highest = slot + 1;
        count++;
        free_slot = slot + 1;
        return true;
    }
    return false;
}

static struct grant *finish(struct grant *g, bool good)
{
    pthread_mutex_lock(&lock);
    good = good && insert(g);
    if (good) {
        g->rights_number = number_of(g->rights);
        g->references = 2;
    }
    pthread_mutex_unlock(&lock);
    if (good)
        return g;
    free(g->rights);
    free(g->message);
    free(g);
    return NULL;
}

static struct grant *begin(struct credentials *rights)
{
    struct grant *g = rights ? calloc(1, sizeof *g) : NULL;

    if (!g) {
        free(rights);
        return NULL;
    }
    g->rights = rights;
    g->alternative = g->standard_error = -1;
    return g;
}

struct grant *grant_for_message(const uint8_t *message, size_t length, struct credentials *rights)
{
    struct grant *g = begin(rights);

    if (!g)
        return NULL;
    g->message = malloc(length > 0 ? length : 1);
    if (!g->message)
        return finish(g, false);
    memcpy(g->message, message, length);
    return finish(g, wire_read_guard(&g->request, g->message, length));
}

struct grant *grant_for_settings(const struct settings *settings, struct credentials *rights)
{
    struct grant *g = begin(rights);

    if (!g)
        return NULL;
    g->request.settings = *settings;
    return finish(g, true);
}

/* ---- how grants end ---- */

static int64_t now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/*
 * Returns the longest time that an honest worker needs: for TCP's connect (tcp_syn_retries in tcp(7)), the
 * greeting, the negotiation, and a reply inside TLS, which may take as long as a greeting.
 */
static int64_t time_of_negotiation(const struct guard_request *r)
{
    enum { CONNECT = 130, MARGIN = 2 };
    const int64_t greeting = greeting_timeout_of(&r->settings);
    const int64_t rest = timeout_of(&r->settings);

    return (2 * greeting + rest + MARGIN + (r->pending == WIRE_CONNECTED ? 0 : CONNECT)) * 1000;
}

void grant_belongs_to_peer(struct grant *g, int connection)
{
    pthread_mutex_lock(&lock);
    g->asker = asker_of(connection);
    g->until = now() + time_of_negotiation(&g->request);
    pthread_mutex_unlock(&lock);
}

static bool is_over(const struct grant *g)
{
    return g->asker && now() >= g->until && asker_has_ended(g->asker);
}

static struct grant *of_number(uint32_t number)
{
    const size_t slot = number & ((1U << SLOT_BITS) - 1);
    struct grant *const g = slot < GRANTS_LIMIT ? grants[slot] : NULL;

    return g && g->number == number ? g : NULL;
}

/* Takes a grant out of the table. release() does the rest, without the lock. */
static void take_out(const struct grant *g)
{
    const size_t slot = g->number & ((1U << SLOT_BITS) - 1);

    grants[slot] = NULL;
    count--;
    free_slot = slot;
}

int grant_take_alternative(struct grant *g)
{
    int fd;

    pthread_mutex_lock(&lock);
    fd = g->alternative;
    g->alternative = -1;
    pthread_mutex_unlock(&lock);
    return fd;
}

int grant_borrow_error(struct grant *g)
{
    int fd;

    pthread_mutex_lock(&lock);
    fd = g->standard_error;
    g->standard_error = -1;
    pthread_mutex_unlock(&lock);
    return fd;
}

void grant_return_error(struct grant *g, int fd)
{
    bool ended;

    pthread_mutex_lock(&lock);
    ended = of_number(g->number) != g;
    if (!ended)
        g->standard_error = fd;
    pthread_mutex_unlock(&lock);
    if (ended && fd >= 0)
        close_apart(fd);
}

static void destroy(struct grant *g)
{
    if (g->key) {
        heap_wipe_all(true);
        EVP_PKEY_free(g->key);
        heap_wipe_all(false);
    }
    free(g->rights);
    free(g->message);
    free(g);
}

void grant_put(struct grant *g)
{
    bool last;

    pthread_mutex_lock(&lock);
    last = --g->references == 0;
    if (last)
        asker_forget(g->asker);
    pthread_mutex_unlock(&lock);
    if (last)
        destroy(g);
}

/* Releases a list of grants that have been taken out. */
static void release(struct grant *ended)
{
    while (ended) {
        struct grant *const next = ended->next_ended;
        const int fd = grant_borrow_error(ended), alternative = grant_take_alternative(ended);

        if (fd >= 0)
            close_apart(fd);
        if (alternative >= 0)
            close(alternative); /* was never connected, so this does not wait */
        grant_put(ended);
        ended = next;
    }
}

static bool is_any(const struct grant *g)
{
    return g != NULL;
}

/* Takes out all grants that `fit`, and returns them as a list. */
static struct grant *take_out_all(bool fit(const struct grant *g))
{
    struct grant *ended = NULL;

    for (size_t i = 0; i < highest; i++) {
        struct grant *const g = grants[i];

        if (!g || !fit(g))
            continue;
        take_out(g);
        g->next_ended = ended;
        ended = g;
    }
    return ended;
}

int grants_sweep(void)
{
    enum { EACH = 5000 /* ms */ };
    static int64_t last;
    struct grant *ended = NULL;
    size_t before;

    pthread_mutex_lock(&lock);
    before = count;
    if (before > 0 && now() - last >= EACH) {
        ended = take_out_all(is_over);
        last = now();
    }
    pthread_mutex_unlock(&lock);
    release(ended);
    return before > 0 ? EACH : -1;
}

void grants_end_all(void)
{
    struct grant *all;

    pthread_mutex_lock(&lock);
    all = take_out_all(is_any);
    pthread_mutex_unlock(&lock);
    release(all);
}

struct grant *grant_find(uint32_t number)
{
    struct grant *g;
    bool over;

    pthread_mutex_lock(&lock);
    g = of_number(number);
    over = g && is_over(g);
    if (over)
        take_out(g);
    else if (g)
        g->references++;
    pthread_mutex_unlock(&lock);
    if (over)
        release(g);
    return over ? NULL : g;
}

void grant_end(uint32_t number)
{
    struct grant *g;

    pthread_mutex_lock(&lock);
    g = of_number(number);
    if (g)
        take_out(g);
    pthread_mutex_unlock(&lock);
    release(g);
}

/* ---- the key ---- */

EVP_PKEY *grant_key(const struct grant *g)
{
    EVP_PKEY *key;

    pthread_mutex_lock(&lock);
    key = g->key;
    pthread_mutex_unlock(&lock);
    return key;
}

void grant_set_key(struct grant *g, EVP_PKEY *key)
{
    pthread_mutex_lock(&lock);
    if (!g->key) {
        g->key = key;
        key = NULL;
    }
    pthread_mutex_unlock(&lock);
    heap_wipe_all(true);
    EVP_PKEY_free(key);
    heap_wipe_all(false);
}
