#include "monitor/grants.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "monitor/heap.h"
#include "monitor/open_named.h"
#include "monitor/roots/bundled_roots.h"
#include "monitor/timeouts.h"

enum { SLOT_BITS = 14, RIGHTS_KEPT = 32 };

static struct grant *grants[GRANTS_LIMIT];
static size_t count;
static uint32_t made;
static size_t free_slot; /* where to start looking */

/* ---- rights ---- */

/*
 * Returns a number for the rights. We remember the last few: while we do, equal rights get the same number.
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
        count++;
        free_slot = slot + 1;
        return true;
    }
    return false;
}

static struct grant *finish(struct grant *g, bool good)
{
    if (good && insert(g)) {
        g->rights_number = number_of(g->rights);
        return g;
    }
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
    g->standard_error = -1;
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
 * Returns the longest time that an honest worker needs: TCP's connect (tcp_syn_retries in tcp(7)), the
 * greeting, the negotiation, and a reply inside TLS, which it awaits for as long as a greeting.
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
    g->asker = asker_of(connection);
    g->until = now() + time_of_negotiation(&g->request);
}

static bool is_over(const struct grant *g)
{
    return g->asker && now() >= g->until && asker_has_ended(g->asker);
}

int grants_sweep(void)
{
    enum { EACH = 5000 /* ms */ };
    static int64_t last;
    const int64_t time = count > 0 ? now() : 0;

    if (count > 0 && time - last >= EACH) {
        for (size_t i = 0; i < GRANTS_LIMIT; i++) {
            if (grants[i] && is_over(grants[i]))
                grant_end(grants[i]);
        }
        last = time;
    }
    return count > 0 ? EACH : -1;
}

struct grant *grant_find(uint32_t number)
{
    const size_t slot = number & ((1U << SLOT_BITS) - 1);
    struct grant *g = slot < GRANTS_LIMIT ? grants[slot] : NULL;

    if (!g || g->number != number)
        return NULL;
    if (!is_over(g))
        return g;
    grant_end(g);
    return NULL;
}

void grant_end(struct grant *g)
{
    const size_t slot = g->number & ((1U << SLOT_BITS) - 1);

    grants[slot] = NULL;
    count--;
    free_slot = slot;
    if (g->standard_error >= 0)
        close(g->standard_error);
    if (g->key) {
        heap_wipe_all(true);
        EVP_PKEY_free(g->key);
        heap_wipe_all(false);
    }
    asker_forget(g->asker);
    free(g->rights);
    free(g->message);
    free(g);
}

/* ---- files ---- */

static bool needs_system_roots(const struct settings *s)
{
    return s->level == LEVEL_SECURE && !s->ca_file && !s->ca_dir;
}

void grant_paths(const struct grant *g, const char *path[NAMED_COUNT])
{
    const struct settings *const s = &g->request.settings;
    int error;

    path[NAMED_CA_FILE] = settings_trust_bundled(s) ? bundled_roots(&error) : s->ca_file;
    path[NAMED_CA_DIR] = needs_system_roots(s) ? g->system.folder : s->ca_dir;
    path[NAMED_BUNDLE] = g->system.bundle;
    path[NAMED_CRL_FILE] = s->crl_file;
    path[NAMED_CLIENT_CERT] = s->client_cert;
    path[NAMED_CLIENT_KEY] = s->client_key ? s->client_key : s->client_cert;
}

void grant_facts(struct grant *g, struct grant_facts *facts)
{
    const char *path[NAMED_COUNT];

    memset(facts, 0, sizeof *facts);
    facts->grant = g->number;
    facts->rights = g->rights_number;
    if (!credentials_take_on(g->rights))
        return;
    if (needs_system_roots(&g->request.settings))
        system_roots_find(&g->system);
    grant_paths(g, path);
    for (size_t i = 0; i < NAMED_COUNT; i++)
        state_of_named(path[i], &facts->state[i]);
    credentials_return();
}
