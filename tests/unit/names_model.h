/*
 * A model of the memory of names, for the unit test and the fuzz target. The input's bytes make it play
 * threads, forked children, lookups, names found in answers, floods and losses. It keeps the whole history in
 * plain lists: the truth. At each connect, the memory must find every name that the truth requires, unless it
 * says that names are lost.
 *
 * In some histories threads give up rights and part: they get a memory of their own, and what they ask for is
 * heard by the others. One of them may be taken over and overwrite all that was heard. Then the truth
 * requires only what stands where it cannot write.
 */
#ifndef RETROTLS_TESTS_UNIT_NAMES_MODEL_H
#define RETROTLS_TESTS_UNIT_NAMES_MODEL_H

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
#include "tests/unit/names_model_events.h"

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
    uint32_t count;  /* required names, counted once for each reason */
    bool required[MODEL_NAMES];
    bool seen[MODEL_FACTS]; /* by index of the origin */
    bool good;
};

/*
 * Requires one name. If `exchanger`, the name may be marked as needed only if nobody vouches for that
 * exchanger.
 */
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
    return NULL; /* a thread of a flood: it has no ancestors and asked once */
}

/*
 * Requires the names whose answers contained `name` before `asker`'s lookup of it ended at `end`, back to the
 * names asked for first. Of an exchanger's domains, only those that this thread asked for last, or that
 * anybody asked for later, are required.
 */
static inline void model_require_origins(struct model_truth *truth, uint32_t asker, uint32_t memory,
                                         uint32_t name, uint32_t end, uint64_t inherited)
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

        if (f->other != name || f->end >= end || (f->exchanger && f->end < own) || truth->seen[i] ||
            !model_counts(m, memory, f))
            continue;
        truth->seen[i] = true;
        if (f->name != truth->lookup)
            model_require(truth, f->name, exchanger);
        model_require_origins(truth, f->asker, f->memory, f->name, f->end, exchanger);
    }
}

/* Without losses, aliases and children, the memory gives no name beyond the required ones. */
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
    uint32_t with_port = 0, mine = 0, with_another = 0, count = 0, trusted = 0;

    truth = (struct model_truth){.found = &found, .model = m, .good = true};
    name_memory_find(&m->memory[t->memory], &t->lineage, &a, &found);
    m->connects++;
    for (uint32_t i = 0; i < m->lookups; i++) {
        const struct model_fact *const f = &m->lookup[i];
        if (f->address == address && model_owns(t, f) && f->port == port && f->begun > with_port)
            with_port = f->begun;
        if (f->address == address && model_owns(t, f) && f->port == 0 && f->begun > mine)
            mine = f->begun;
        if (f->address == address && model_owns(t, f) && f->begun > with_another)
            with_another = f->begun;
        count += f->address == address && (f->port == port || f->port == 0) && model_counts(m, t->memory, f);
        trusted += f->address == address && model_trusts(m, t->memory, f);
    }
    /* What nobody but those with fewer rights asked for is lost. */
    if (found.lost)
        return !m->lossless || m->origins > 0 || found.count == UINT32_MAX || m->attacked ||
               (m->memories > 1 && with_another == 0);
    if (trusted == 0 && found.count > 0)
        return false;
    m->sure++;
    m->sure_apart += m->memories > 1;
    m->sure_attacked += m->attacked;
    if (with_port > mine)
        mine = with_port;
    /*
     * Lookups with another port count only if this thread asked for the address with no other port than that,
     * or if nobody asked with this port.
     */
    if (mine != 0 || (with_another == 0 && count > 0))
        with_another = UINT32_MAX;
    /* After a loss, we only know that this thread's last lookup counts, and what others asked for later. */
    if (!m->lossless)
        with_port = mine;
    for (uint32_t i = 0; i < m->lookups; i++) {
        const struct model_fact *const f = &m->lookup[i];

        if (f->address != address ||
            f->end <= (f->port == port ? with_port
                       : f->port == 0  ? mine
                                       : with_another) ||
            !model_counts(m, t->memory, f))
            continue;
        model_require(&truth, f->name, 0);
        memset(truth.seen, 0, sizeof truth.seen);
        truth.lookup = f->name;
        model_require_origins(&truth, f->asker, f->memory, f->name, f->end, 0);
    }
    if (!truth.good || !m->lossless || m->origins > 0 || t->ancestors > 0 || m->memories > 1)
        return truth.good;
    m->exact++;
    return model_is_exact(&truth);
}

/* ---- one history */

/* Plays the history that `bytes` describe. False if the memory was wrong. */
static inline bool model_run(struct model *m, const uint8_t *bytes, size_t length)
{
    static const uint32_t ports[] = {0, 143, 25};
    bool good = true;

    model_start(m, length > 0 && bytes[0] >= 128, length > 0 && bytes[0] % 128 >= 64);
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
        case 4: /* asks, unless it is already waiting, and gets the answer at once */
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
            else if (bytes[at + 2] < 96 && !t->asks)
                model_part(m, t);
            else if (bytes[at + 2] < 112)
                model_attack(m, bytes[at + 2], name, address);
            break;
        case 9:
            if (bytes[at + 2] < 8) {
                m->lossless = false;
                name_memory_forget(&m->memory[t->memory]);
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
