/*
 * What happens in a history of the model of names (names_model.h): lookups, answers, forks, partings, attacks
 * and floods. Each is done to the memory, and written down as a fact.
 */
#ifndef RETROTLS_TESTS_UNIT_NAMES_MODEL_EVENTS_H
#define RETROTLS_TESTS_UNIT_NAMES_MODEL_EVENTS_H

#include <arpa/inet.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "preload/names/name_memory.h"

enum {
    MODEL_THREADS = 6, /* played one by one; floods use more */
    MODEL_NAMES = 10,  /* floods use more */
    MODEL_ADDRESSES = 3,
    MODEL_FACTS = 4000,
    MODEL_PAST = 400,
    MODEL_MEMORIES = 4,
    MODEL_NOBODY = UINT32_MAX,
    MODEL_LITERAL = 1 << 30, /* an address used as a name: this bit, plus the address's number */
};

/* Times are by the model's own clock, not the memory's. */
struct model_fact {
    uint32_t asker;  /* the thread's number, or MODEL_NOBODY */
    uint32_t memory; /* that it was written into */
    uint32_t name;
    uint32_t address, port; /* if a lookup */
    uint32_t other;         /* if a name found in an answer */
    bool exchanger;
    uint32_t begun, end;
};

struct model_thread {
    struct lineage lineage;
    uint32_t number, memory;
    bool asks; /* waiting for an answer */
    uint32_t name, begun;
    uint64_t memory_begun;
    uint32_t ancestors;
    struct {
        uint32_t number, forked;
    } ancestor[64];
};

struct model {
    struct name_memory memory[MODEL_MEMORIES], heard; /* in `bytes`, the latter in the last */
    _Alignas(64) unsigned char bytes[MODEL_MEMORIES + 1][3 << 20];
    uint32_t memories; /* in use; `heard` may be if there are several */
    bool attacked;     /* somebody has overwritten `heard` */
    uint32_t clock, numbers, fresh;
    bool lossless, small;
    struct model_thread thread[MODEL_THREADS];
    struct model_thread past[MODEL_PAST]; /* every thread so far, except those of floods */
    uint32_t pasts;
    struct model_fact lookup[MODEL_FACTS], origin[MODEL_FACTS];
    uint32_t lookups, origins;
    uint32_t connects, sure, sure_apart, sure_attacked,
        exact; /* what a run has covered: a run must not test nothing */
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
    t->lineage.thread = name_memory_number(&m->memory[0]);
    return t;
}

/* The tables are small, so that much is lost. */
static inline const struct name_sizes *model_sizes(bool small)
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

    return &sizes[small];
}

/* If `small`, the tables have one level. If `rights`, there are some to be given up. */
static inline void model_start(struct model *m, bool small, bool rights)
{
    const struct name_sizes *const sizes = model_sizes(small);

    if (name_memory_size(sizes) > sizeof m->bytes[0])
        abort();
    for (uint32_t i = 0; i < m->memories; i++)
        memset(m->bytes[i], 0, sizeof m->bytes[i]);
    if (m->memories > 1)
        memset(m->bytes[MODEL_MEMORIES], 0, sizeof m->bytes[0]);
    memset(&m->memories, 0, sizeof *m - offsetof(struct model, memories));
    m->memory[0] = name_memory_at(m->bytes[0], sizes);
    m->heard = name_memory_at(m->bytes[MODEL_MEMORIES], sizes);
    m->memory[0].heard = rights ? &m->heard : NULL;
    m->memories = 1;
    m->lossless = true;
    m->small = small;
    m->fresh = MODEL_NAMES;
    for (uint32_t i = 0; i < MODEL_THREADS; i++)
        m->past[m->pasts++] = *model_begin_thread(m, i);
}

/* Whether a thread with memory `memory` reads what was written with the fact, and nobody with fewer rights
 * could. */
static inline bool model_trusts(const struct model *m, uint32_t memory, const struct model_fact *f)
{
    for (const struct name_memory *at = &m->memory[memory]; at; at = at->above) {
        if (at == &m->memory[f->memory])
            return true;
    }
    return false;
}

/* Whether the memory must know of it. */
static inline bool model_counts(const struct model *m, uint32_t memory, const struct model_fact *f)
{
    return !m->attacked || model_trusts(m, memory, f);
}

/* ---- events */

static inline void model_ask(struct model *m, struct model_thread *t, uint32_t name)
{
    t->asks = true;
    t->name = name;
    t->begun = ++m->clock;
    t->memory_begun = name_memory_tick(&m->memory[t->memory]);
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
                                                  .memory = t->memory,
                                                  .name = t->name,
                                                  .address = address,
                                                  .port = port,
                                                  .begun = t->begun,
                                                  .end = ++m->clock};
    name_memory_remember(&m->memory[t->memory], apart ? NULL : &t->lineage, t->memory_begun, name, &a);
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
                                                  .memory = t->memory,
                                                  .name = t->name,
                                                  .other = other,
                                                  .exchanger = exchanger,
                                                  .begun = t->begun,
                                                  .end = ++m->clock};
    name_memory_derive(&m->memory[t->memory], apart ? NULL : &t->lineage, t->memory_begun, name, text,
                       exchanger ? NAMES_EXCHANGER : NAMES_ALIAS);
}

static inline bool model_owns(const struct model_thread *t, const struct model_fact *f);

static inline bool model_same(const char *name, const char *other)
{
    (void)name;
    (void)other;
    return false;
}

/* A reverse lookup: the address stands for every name by which this thread may know it, else for itself. */
static inline void model_reverse(struct model *m, struct model_thread *t, uint32_t address, uint32_t other)
{
    const struct wire_address a = model_address(address, 0);
    const uint32_t begun = ++m->clock;
    const uint64_t memory_begun = name_memory_tick(&m->memory[t->memory]);
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
        if (!literal &&
            (i == m->lookups || f->address != address || f->end <= own || !model_counts(m, t->memory, f)))
            continue;
        known++;
        if (!literal && f->name == other)
            continue;
        if (m->origins == MODEL_FACTS)
            abort();
        m->origin[m->origins++] = (struct model_fact){.asker = t->number,
                                                      .memory = t->memory,
                                                      .name = literal ? MODEL_LITERAL + address : f->name,
                                                      .other = other,
                                                      .begun = begun,
                                                      .end = m->clock + 1};
    }
    m->clock++;
    model_name(text, other);
    name_memory_derive_address(&m->memory[t->memory], &t->lineage, memory_begun, &a, text, model_same);
}

static inline void model_fork(struct model *m, uint32_t parent, uint32_t child)
{
    const struct model_thread was = m->thread[parent];
    struct model_thread *const t = model_begin_thread(m, child);

    t->memory = was.memory;
    t->lineage = lineage_child(&was.lineage, name_memory_number(&m->memory[was.memory]));
    t->ancestors = was.ancestors < 63 ? was.ancestors + 1 : 63;
    memcpy(t->ancestor + 1, was.ancestor, (t->ancestors - 1) * sizeof was.ancestor[0]);
    t->ancestor[0].number = was.number;
    t->ancestor[0].forked = ++m->clock;
    m->past[m->pasts++] = *t;
}

/* The thread gives up rights. */
static inline void model_part(struct model *m, struct model_thread *t)
{
    const uint32_t at = m->memories;

    if (!m->memory[0].heard || at == MODEL_MEMORIES)
        return;
    m->memory[at] = name_memory_at(m->bytes[at], model_sizes(m->small));
    m->memory[at].above = &m->memory[t->memory];
    m->memory[at].heard = &m->heard;
    m->memory[at].parted = true;
    m->memories++;
    t->memory = at;
}

/* Who has parted overwrites what was heard: with nothing, with anything, or with records that look good. */
static inline void model_attack(struct model *m, uint32_t kind, uint32_t name, uint32_t address)
{
    const struct wire_address a = model_address(address, 143);
    unsigned char *const bytes = m->bytes[MODEL_MEMORIES];
    uint32_t random = 2 * kind + 1;
    char text[NAME_LIMIT];

    if (m->memories == 1)
        return;
    m->attacked = true;
    memset(bytes, 0, sizeof m->bytes[0]);
    for (size_t i = 0; kind % 3 == 1 && i < sizeof m->bytes[0]; i++)
        bytes[i] = (unsigned char)((random = random * 1664525 + 1013904223) >> 24);
    if (kind % 3 == 2) {
        model_name(text, name);
        atomic_store(&m->heard.clock->now, (uint64_t)kind << 50);
        name_memory_remember(&m->heard, NULL, 1, text, &a);
    }
}

/*
 * One of: a thread asks for many names of one address; many threads ask for one name; an answer has many
 * names; a thread asks for many names that have an address each; many domains have one exchanger.
 */
static inline void model_flood(struct model *m, uint32_t kind, struct model_thread *t, uint32_t name,
                               uint32_t address, uint32_t count)
{
    m->lossless = false;
    for (uint32_t i = 0; i < count; i++) {
        struct model_thread other = {.number = m->numbers, .memory = t->memory};

        switch (kind % 5) {
        case 0:
            model_ask(m, t, m->fresh++);
            model_answer(m, t, false, address, 143);
            break;
        case 1:
            m->numbers++;
            other.lineage.thread = name_memory_number(&m->memory[t->memory]);
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
        default: /* many domains with one exchanger */
            model_ask(m, t, m->fresh++);
            model_derive(m, t, false, name, true);
            break;
        }
    }
    t->asks = false;
}

#endif
