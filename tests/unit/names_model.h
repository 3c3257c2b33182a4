/*
 * A model of the memory of names, for the unit test and the fuzz target. It plays threads, forked children,
 * lookups, names that came out of answers, floods and losses as bytes say, and keeps the whole history in
 * plain lists: the truth. At each connect, no name may be accepted that the truth excludes: whatever the
 * memory does not call lost has every name that the truth requires.
 */
#ifndef RETROTLS_TESTS_UNIT_NAMES_MODEL_H
#define RETROTLS_TESTS_UNIT_NAMES_MODEL_H

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "preload/names/name_memory.h"

enum {
    MODEL_THREADS = 6, /* that are played one by one; floods have more */
    MODEL_NAMES = 10,  /* likewise */
    MODEL_ADDRESSES = 3,
    MODEL_FACTS = 4000,
    MODEL_PAST = 400,
    MODEL_NOBODY = UINT32_MAX,
    MODEL_LITERAL = 1 << 30, /* the name that an address is, by its number */
};

/* Times are of the model's own clock, not the memory's. */
struct model_fact {
    uint32_t asker; /* number of the thread, or MODEL_NOBODY */
    uint32_t name;
    uint32_t address, port; /* of a lookup */
    uint32_t other;         /* of a name that came out of an answer */
    bool exchanger;
    uint32_t begun, end;
};

struct model_thread {
    struct lineage lineage;
    uint32_t number;
    bool asks; /* it waits for an answer */
    uint32_t name, begun;
    uint64_t memory_begun;
    uint32_t ancestors;
    struct {
        uint32_t number, forked;
    } ancestor[64];
};

struct model {
    struct name_memory memory; /* in `bytes` */
    _Alignas(64) unsigned char bytes[3 << 20];
    uint32_t clock, numbers, fresh;
    bool lossless;
    struct model_thread thread[MODEL_THREADS];
    struct model_thread past[MODEL_PAST]; /* all that there were, but those of floods */
    uint32_t pasts;
    struct model_fact lookup[MODEL_FACTS], origin[MODEL_FACTS];
    uint32_t lookups, origins;
    uint32_t connects, sure, exact; /* what a run has seen, so that it cannot be about nothing */
};

static inline void model_name(char text[NAME_LIMIT], uint32_t name)
{
    if (name >= MODEL_LITERAL)
        snprintf(text, NAME_LIMIT, "192.0.%u.%u", (unsigned)name >> 8 & 255, (unsigned)name & 255);
    else
        snprintf(text, NAME_LIMIT, "n%u.example", (unsigned)name);
}

static inline struct wire_address model_address(uint32_t address, uint32_t port)
{
    struct wire_address a = {.family = AF_INET, .port = (uint16_t)port};

    a.bytes[0] = 192;
    a.bytes[2] = (uint8_t)(address >> 8);
    a.bytes[3] = (uint8_t)address;
    return a;
}

static inline struct model_thread *model_begin_thread(struct model *m, uint32_t at)
{
    struct model_thread *const t = &m->thread[at];

    *t = (struct model_thread){.number = m->numbers++};
    t->lineage.thread = name_memory_tick(&m->memory);
    return t;
}

/* Small, so that much is lost; `small`: with one level. */
static inline void model_start(struct model *m, bool small)
{
    static const struct name_sizes sizes[] = {
        {.lookups = 256,
         .lookup_levels = 2,
         .own = 256,
         .own_levels = 2,
         .origins = 256,
         .origin_levels = 2,
         .lost_lookups = 4096,
         .lost_origins = 4096,
         .lost_own = 4096},
        {.lookups = 256,
         .lookup_levels = 1,
         .own = 256,
         .own_levels = 1,
         .origins = 256,
         .origin_levels = 1,
         .lost_lookups = 1024,
         .lost_origins = 1024,
         .lost_own = 1024},
    };

    if (name_memory_size(&sizes[small]) > sizeof m->bytes)
        abort();
    memset(m, 0, sizeof *m);
    m->memory = name_memory_at(m->bytes, &sizes[small]);
    m->lossless = true;
    m->fresh = MODEL_NAMES;
    for (uint32_t i = 0; i < MODEL_THREADS; i++)
        m->past[m->pasts++] = *model_begin_thread(m, i);
}

/* ---- what happens */

static inline void model_ask(struct model *m, struct model_thread *t, uint32_t name)
{
    t->asks = true;
    t->name = name;
    t->begun = ++m->clock;
    t->memory_begun = name_memory_tick(&m->memory);
}

static inline void model_answer(struct model *m, struct model_thread *t, bool apart, uint32_t address,
                                uint32_t port)
{
    const struct wire_address a = model_address(address, port);
    char name[NAME_LIMIT];

    if (m->lookups == MODEL_FACTS)
        return;
    model_name(name, t->name);
    m->lookup[m->lookups++] = (struct model_fact){.asker = apart ? MODEL_NOBODY : t->number,
                                                  .name = t->name,
                                                  .address = address,
                                                  .port = port,
                                                  .begun = t->begun,
                                                  .end = ++m->clock};
    name_memory_remember(&m->memory, apart ? NULL : &t->lineage, t->memory_begun, name, &a);
}

static inline void model_derive(struct model *m, struct model_thread *t, bool apart, uint32_t other,
                                bool exchanger)
{
    char name[NAME_LIMIT], text[NAME_LIMIT];

    if (m->origins == MODEL_FACTS || other == t->name)
        return;
    model_name(name, t->name);
    model_name(text, other);
    m->origin[m->origins++] = (struct model_fact){.asker = apart ? MODEL_NOBODY : t->number,
                                                  .name = t->name,
                                                  .other = other,
                                                  .exchanger = exchanger,
                                                  .begun = t->begun,
                                                  .end = ++m->clock};
    name_memory_derive(&m->memory, apart ? NULL : &t->lineage, t->memory_begun, name, text,
                       exchanger ? NAMES_EXCHANGER : NAMES_ALIAS);
}

static inline bool model_owns(const struct model_thread *t, const struct model_fact *f);

static inline bool model_same(const char *name, const char *other)
{
    (void)name;
    (void)other;
    return false;
}

/* What an address is called: by every name that this thread may mean by it, else by itself. */
static inline void model_reverse(struct model *m, struct model_thread *t, uint32_t address, uint32_t other)
{
    const struct wire_address a = model_address(address, 0);
    const uint32_t begun = ++m->clock;
    const uint64_t memory_begun = name_memory_tick(&m->memory);
    char text[NAME_LIMIT];
    uint32_t own = 0, known = 0;

    if (m->origins + m->lookups >= MODEL_FACTS)
        return;
    for (uint32_t i = 0; i < m->lookups; i++) {
        const struct model_fact *const f = &m->lookup[i];
        if (f->address == address && model_owns(t, f) && f->begun > own)
            own = f->begun;
    }
    for (uint32_t i = 0; i <= m->lookups; i++) {
        const struct model_fact *const f = &m->lookup[i];
        const bool literal = i == m->lookups && known == 0;
        if (!literal && (i == m->lookups || f->address != address || f->end <= own))
            continue;
        known++;
        if (!literal && f->name == other)
            continue;
        if (m->origins == MODEL_FACTS)
            abort();
        m->origin[m->origins++] = (struct model_fact){.asker = t->number,
                                                      .name = literal ? MODEL_LITERAL + address : f->name,
                                                      .other = other,
                                                      .begun = begun,
                                                      .end = m->clock + 1};
    }
    m->clock++;
    model_name(text, other);
    name_memory_derive_address(&m->memory, &t->lineage, memory_begun, &a, text, model_same);
}

static inline void model_fork(struct model *m, uint32_t parent, uint32_t child)
{
    const struct model_thread was = m->thread[parent];
    struct model_thread *const t = model_begin_thread(m, child);

    t->lineage = lineage_child(&was.lineage, t->lineage.thread);
    t->ancestors = was.ancestors < 63 ? was.ancestors + 1 : 63;
    memcpy(t->ancestor + 1, was.ancestor, (t->ancestors - 1) * sizeof was.ancestor[0]);
    t->ancestor[0].number = was.number;
    t->ancestor[0].forked = ++m->clock;
    m->past[m->pasts++] = *t;
}

/*
 * One thread asks for many names of one address, or many threads for one name, or an answer has many names,
 * or one thread asks for many names that have an address each.
 */
static inline void model_flood(struct model *m, uint32_t kind, struct model_thread *t, uint32_t name,
                               uint32_t address, uint32_t count)
{
    m->lossless = false;
    for (uint32_t i = 0; i < count; i++) {
        struct model_thread other = {.number = m->numbers};

        switch (kind % 5) {
        case 0:
            model_ask(m, t, m->fresh++);
            model_answer(m, t, false, address, 143);
            break;
        case 1:
            m->numbers++;
            other.lineage.thread = name_memory_tick(&m->memory);
            model_ask(m, &other, name);
            model_answer(m, &other, false, address, 143);
            break;
        case 2:
            model_ask(m, t, name);
            model_derive(m, t, false, m->fresh++, i % 2);
            break;
        case 3:
            model_ask(m, t, m->fresh++);
            model_answer(m, t, false, MODEL_ADDRESSES + m->fresh, 143);
            break;
        default: /* of other domains, with one exchanger */
            model_ask(m, t, m->fresh++);
            model_derive(m, t, false, name, true);
            break;
        }
    }
    t->asks = false;
}

/* ---- the truth */

static inline bool model_owns(const struct model_thread *t, const struct model_fact *f)
{
    if (f->asker == t->number)
        return true;
    for (uint32_t i = 0; i < t->ancestors; i++) {
        if (f->asker == t->ancestor[i].number)
            return f->end <= t->ancestor[i].forked;
    }
    return false;
}

struct model_truth {
    const struct names_found *found;
    struct model *model;
    uint32_t lookup; /* the name whose origins are required */
    uint32_t count;  /* names that are required, each as often as there is a reason */
    bool required[MODEL_NAMES];
    bool seen[MODEL_FACTS]; /* origins */
    bool good;
};

/* One name is required; `exchanger`: only if nobody vouches for that one. */
static inline void model_require(struct model_truth *truth, uint32_t name, uint64_t exchanger)
{
    char text[NAME_LIMIT];
    bool found = false;

    model_name(text, name);
    for (uint32_t i = 0; i < truth->found->count && truth->found->count != UINT32_MAX; i++)
        found = found || (strcmp(truth->found->name[i], text) == 0 &&
                          (truth->found->exchanger[i] == 0 || truth->found->exchanger[i] == exchanger));
    truth->good = truth->good && found;
    truth->count++;
    if (name < MODEL_NAMES)
        truth->required[name] = true;
}

static inline const struct model_thread *model_thread_of(const struct model *m, uint32_t number)
{
    for (uint32_t i = 0; i < m->pasts; i++) {
        if (m->past[i].number == number)
            return &m->past[i];
    }
    return NULL; /* one of a flood, which has no ancestors and asked once */
}

/*
 * The names of whose answers `name` was part when `asker` had looked it up at `end`, back to those asked for
 * first. Of an exchanger's domains, those that this thread asked for last, or anybody later.
 */
static inline void model_require_origins(struct model_truth *truth, uint32_t asker, uint32_t name,
                                         uint32_t end, uint64_t inherited)
{
    const struct model *const m = truth->model;
    const struct model_thread *const t = model_thread_of(m, asker);
    char text[NAME_LIMIT];
    uint32_t own = 0;

    model_name(text, name);
    for (uint32_t i = 0; i < m->origins; i++) {
        const struct model_fact *const f = &m->origin[i];
        if (f->other == name && f->end < end && t && model_owns(t, f) && f->begun > own)
            own = f->begun;
    }
    for (uint32_t i = 0; i < m->origins; i++) {
        const struct model_fact *const f = &m->origin[i];
        const uint64_t exchanger = f->exchanger ? name_hash(text) : inherited;

        if (f->other != name || f->end >= end || (f->exchanger && f->end < own) || truth->seen[i])
            continue;
        truth->seen[i] = true;
        if (f->name != truth->lookup)
            model_require(truth, f->name, exchanger);
        model_require_origins(truth, f->asker, f->name, f->end, exchanger);
    }
}

/* Without losses, aliases and children, not one name more is given. */
static inline bool model_is_exact(const struct model_truth *truth)
{
    for (uint32_t i = 0; i < truth->found->count; i++) {
        const uint32_t name = (uint32_t)strtoul(truth->found->name[i] + 1, NULL, 10);
        if (name >= MODEL_NAMES || !truth->required[name])
            return false;
    }
    return true;
}

static inline bool model_connect(struct model *m, struct model_thread *t, uint32_t address, uint32_t port)
{
    static struct names_found found;
    static struct model_truth truth;
    const struct wire_address a = model_address(address, port);
    uint32_t with_port = 0, mine = 0, with_another = 0, count = 0;

    truth = (struct model_truth){.found = &found, .model = m, .good = true};
    name_memory_find(&m->memory, &t->lineage, &a, &found);
    m->connects++;
    if (found.lost)
        return !m->lossless || m->origins > 0 || found.count == UINT32_MAX;
    m->sure++;
    for (uint32_t i = 0; i < m->lookups; i++) {
        const struct model_fact *const f = &m->lookup[i];
        if (f->address == address && model_owns(t, f) && f->port == port && f->begun > with_port)
            with_port = f->begun;
        if (f->address == address && model_owns(t, f) && f->port == 0 && f->begun > mine)
            mine = f->begun;
        if (f->address == address && model_owns(t, f) && f->begun > with_another)
            with_another = f->begun;
        count += f->address == address && (f->port == port || f->port == 0);
    }
    if (with_port > mine)
        mine = with_port;
    /* Other ports count for who asked for the address with another alone, and where nobody asked with this.
     */
    if (mine != 0 || (with_another == 0 && count > 0))
        with_another = UINT32_MAX;
    /* After a loss, what this thread asked for last counts, and what others asked for later: no more is
     * known. */
    if (!m->lossless)
        with_port = mine;
    for (uint32_t i = 0; i < m->lookups; i++) {
        const struct model_fact *const f = &m->lookup[i];

        if (f->address != address || f->end <= (f->port == port ? with_port
                                                : f->port == 0  ? mine
                                                                : with_another))
            continue;
        model_require(&truth, f->name, 0);
        memset(truth.seen, 0, sizeof truth.seen);
        truth.lookup = f->name;
        model_require_origins(&truth, f->asker, f->name, f->end, 0);
    }
    if (!truth.good || !m->lossless || m->origins > 0 || t->ancestors > 0)
        return truth.good;
    m->exact++;
    return model_is_exact(&truth);
}

/* ---- one history */

/* Plays the history that `bytes` tell. False where the memory was wrong. */
static inline bool model_run(struct model *m, const uint8_t *bytes, size_t length)
{
    static const uint32_t ports[] = {0, 143, 25};
    bool good = true;

    model_start(m, length > 0 && bytes[0] >= 128);
    for (size_t at = 0; good && at + 4 <= length; at += 4) {
        struct model_thread *const t = &m->thread[bytes[at + 1] % MODEL_THREADS];
        const uint32_t name = bytes[at + 2] % MODEL_NAMES, address = bytes[at + 3] % MODEL_ADDRESSES;
        const uint32_t port = ports[bytes[at + 3] / 16 % 3];
        const bool apart = bytes[at + 3] / 64 == 3;

        switch (bytes[at] % 16) {
        case 0:
        case 1:
            model_ask(m, t, name);
            break;
        case 2:
        case 3:
        case 4: /* asks and has the answer at once, if it does not wait for one already */
            if (!t->asks)
                model_ask(m, t, name);
            model_answer(m, t, apart, address, port);
            t->asks = false;
            break;
        case 5:
        case 6:
            if (!t->asks)
                model_ask(m, t, name);
            model_derive(m, t, apart, bytes[at + 3] % MODEL_NAMES, bytes[at + 3] / 32 % 2);
            break;
        case 7:
            if (!t->asks && m->pasts < MODEL_PAST)
                model_fork(m, bytes[at + 1] % MODEL_THREADS, name % MODEL_THREADS);
            break;
        case 8:
            if (bytes[at + 2] < 24)
                model_flood(m, bytes[at + 2], t, name, address, bytes[at + 3]);
            break;
        case 9:
            if (bytes[at + 2] < 8) {
                m->lossless = false;
                name_memory_forget(&m->memory);
            } else if (!t->asks && bytes[at + 2] < 200) {
                model_reverse(m, t, address, bytes[at + 3] / 4 % MODEL_NAMES);
            }
            break;
        default:
            if (!t->asks)
                good = model_connect(m, t, address, port ? port : 143);
            break;
        }
    }
    return good;
}

#endif
