#include "preload/name_table.h"

#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

enum {
    ENTRIES = 4096,
    PROBES = 256, /* entries that one address may be in; also what a flood of lookups has to push out */
    NAME_WORDS = NAME_LIMIT / 8,
    TRIES = 64, /* at an entry that others keep writing */
};

struct entry {
    _Alignas(64) _Atomic uint32_t sequence; /* 0: never used; odd: being written */
    _Atomic uint32_t port;
    _Atomic uint64_t stamp; /* of the latest lookup */
    _Atomic uint64_t first; /* the stamp of the first */
    _Atomic uint64_t thread, process;
    _Atomic uint64_t address[2]; /* IPv6, or IPv4 mapped into it */
    _Atomic uint64_t name[NAME_WORDS];
};

struct memory {
    _Atomic uint64_t clock;
    _Atomic uint64_t forgotten; /* what is stamped up to here counts as never asked */
    atomic_bool lost;
    struct entry entry[ENTRIES];
};

_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2, "the table is written without locks");

static struct memory *_Atomic memory;

bool name_table_start(void)
{
    struct memory *none = NULL, *fresh;

    if (memory)
        return true;
    fresh = mmap(NULL, sizeof *fresh, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (fresh != MAP_FAILED && !atomic_compare_exchange_strong(&memory, &none, fresh))
        munmap(fresh, sizeof *fresh);
    return memory != NULL;
}

uint64_t name_table_tick(void)
{
    return atomic_fetch_add(&memory->clock, 1) + 1;
}

void name_table_forget(void)
{
    atomic_store(&memory->lost, true);
    atomic_store(&memory->forgotten, name_table_tick());
}

bool name_table_has_lost(void)
{
    return atomic_load(&memory->lost);
}

/* ---- looking */

struct name_key name_key_of(const struct wire_address *address)
{
    struct name_key key = {.port = address->port};
    const uint64_t factor = 0x9e3779b97f4a7c15u;
    uint8_t bytes[16] = {[10] = 0xff, [11] = 0xff};

    if (address->family == AF_INET)
        memcpy(bytes + 12, address->bytes, 4);
    else
        memcpy(bytes, address->bytes, 16);
    memcpy(key.address, bytes, sizeof bytes);
    /* Fibonacci hashing: the high bits of the product depend on all of the address. */
    key.start = (size_t)(((key.address[0] * factor ^ key.address[1]) * factor) >> 52);
    return key;
}

static struct entry *probe(const struct name_key *key, size_t i)
{
    return &memory->entry[(key->start + i) % ENTRIES];
}

/* Entries are filled in the order of probing and never emptied: none follows one that was never used. */
static bool never_used(struct entry *entry)
{
    return atomic_load_explicit(&entry->sequence, memory_order_relaxed) == 0;
}

/* False where the entry is being written (its lookup has not returned yet), lost, or never used. */
static bool look(struct entry *entry, struct name_seen *seen)
{
    for (int tries = 0; tries < TRIES; tries++) {
        const uint32_t sequence = atomic_load_explicit(&entry->sequence, memory_order_acquire);
        if (sequence == 0 || sequence % 2)
            return false;
        *seen = (struct name_seen){
            .next = seen->next,
            .entry = entry,
            .sequence = sequence,
            .port = atomic_load_explicit(&entry->port, memory_order_acquire),
            .stamp = atomic_load_explicit(&entry->stamp, memory_order_acquire),
            .first = atomic_load_explicit(&entry->first, memory_order_acquire),
            .thread = atomic_load_explicit(&entry->thread, memory_order_acquire),
            .process = atomic_load_explicit(&entry->process, memory_order_acquire),
            .address = {atomic_load_explicit(&entry->address[0], memory_order_acquire),
                        atomic_load_explicit(&entry->address[1], memory_order_acquire)},
        };
        if (atomic_load_explicit(&entry->sequence, memory_order_relaxed) == sequence)
            return true;
    }
    return false;
}

static bool look_at(struct entry *entry, const uint64_t address[2], uint32_t port, struct name_seen *seen)
{
    /* The first comparison alone is cheap, and settles most. */
    return atomic_load_explicit(&entry->address[1], memory_order_relaxed) == address[1] &&
           look(entry, seen) &&
           seen->stamp > atomic_load_explicit(&memory->forgotten, memory_order_acquire) &&
           seen->port == port && seen->address[0] == address[0] && seen->address[1] == address[1];
}

bool name_table_next(const struct name_key *key, uint32_t port, struct name_seen *seen)
{
    for (; seen->next < PROBES && !never_used(probe(key, seen->next)); seen->next++) {
        if (look_at(probe(key, seen->next), key->address, port, seen)) {
            seen->next++;
            return true;
        }
    }
    return false;
}

bool name_table_read(const struct name_seen *seen, char name[NAME_LIMIT])
{
    for (size_t i = 0; i < NAME_WORDS; i++) {
        const uint64_t word = atomic_load_explicit(&seen->entry->name[i], memory_order_acquire);
        memcpy(name + 8 * i, &word, sizeof word);
        if (memchr(name + 8 * i, '\0', sizeof word))
            break;
    }
    return atomic_load_explicit(&seen->entry->sequence, memory_order_relaxed) == seen->sequence;
}

char name_lower(char c)
{
    return (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
}

bool same_name(const char *a, const char *b)
{
    while (*a && name_lower(*a) == name_lower(*b))
        a++, b++;
    return name_lower(*a) == name_lower(*b);
}

/* ---- writing */

/* Makes the entry the latest of its thread. False where another writer has it now. */
static bool refresh(const struct name_seen *seen, uint64_t stamp)
{
    uint64_t old = seen->stamp;

    /* All in one order with overwrite()'s claim and look at the stamp: one of the two notices the other. */
    return atomic_compare_exchange_strong(&seen->entry->stamp, &old, stamp) &&
           atomic_load(&seen->entry->sequence) == seen->sequence;
}

/* False where another writer was quicker. */
static bool overwrite(const struct name_seen *seen, const struct name_key *key,
                      const struct name_asker *asker, uint64_t stamp, const char name[NAME_LIMIT])
{
    struct entry *const entry = seen->entry;
    const uint32_t after = seen->sequence + 2 ? seen->sequence + 2 : 2;
    uint32_t old = seen->sequence;

    if (!atomic_compare_exchange_strong(&entry->sequence, &old, seen->sequence + 1))
        return false;
    if (atomic_load(&entry->stamp) != seen->stamp) { /* refreshed meanwhile: no longer one to give up */
        atomic_store_explicit(&entry->sequence, after, memory_order_release);
        return false;
    }
    atomic_store_explicit(&entry->port, key->port, memory_order_release);
    atomic_store_explicit(&entry->stamp, stamp, memory_order_release);
    atomic_store_explicit(&entry->first, stamp, memory_order_release);
    atomic_store_explicit(&entry->thread, asker->thread, memory_order_release);
    atomic_store_explicit(&entry->process, asker->process, memory_order_release);
    atomic_store_explicit(&entry->address[0], key->address[0], memory_order_release);
    atomic_store_explicit(&entry->address[1], key->address[1], memory_order_release);
    for (size_t i = 0; i < NAME_WORDS; i++) {
        uint64_t word;
        memcpy(&word, name + 8 * i, sizeof word);
        atomic_store_explicit(&entry->name[i], word, memory_order_release);
    }
    atomic_store_explicit(&entry->sequence, after, memory_order_release);
    return true;
}

bool name_table_superseded(const struct name_key *key, const struct name_seen *seen)
{
    struct name_seen other = {0};

    for (size_t i = 0; i < PROBES; i++) {
        if (look_at(probe(key, i), seen->address, seen->port, &other) && other.thread == seen->thread &&
            other.stamp > seen->stamp)
            return true;
    }
    return false;
}

/* Equal where address, port and thread are; seldom otherwise. 0 is for an entry that cannot be written. */
static uint16_t tag_of(const struct name_seen *seen)
{
    const uint64_t factor = 0x9e3779b97f4a7c15u;

    return (uint16_t)(((seen->address[0] * factor ^ seen->address[1] ^ seen->port ^ seen->thread) * factor) >>
                      48) |
           1;
}

/* A loop without branches, so that going through all pairs takes microseconds. */
static bool is_repeated(const uint16_t tag[PROBES], size_t i)
{
    unsigned same = 0;

    for (size_t j = 0; j < PROBES; j++)
        same += tag[j] == tag[i];
    return same > 1;
}

/*
 * The entry to write: one never used, else the oldest that its thread has superseded, else the oldest. So a
 * thread that is made to look up many names of one address pushes out its own before those of others.
 */
static bool choose(const struct name_key *key, struct name_seen *victim)
{
    struct name_seen seen = {0}, oldest = {.entry = NULL};
    uint16_t tag[PROBES];

    victim->entry = NULL;
    for (size_t i = 0; i < PROBES; i++) {
        if (never_used(probe(key, i))) {
            *victim = (struct name_seen){.entry = probe(key, i)};
            return true;
        }
    }
    for (size_t i = 0; i < PROBES; i++) {
        const bool good = look(probe(key, i), &seen);
        tag[i] = good ? tag_of(&seen) : 0;
        if (good && (!oldest.entry || seen.stamp < oldest.stamp))
            oldest = seen;
    }
    for (size_t i = 0; i < PROBES; i++) {
        if (tag[i] && is_repeated(tag, i) && look(probe(key, i), &seen) &&
            (!victim->entry || seen.stamp < victim->stamp) && name_table_superseded(key, &seen))
            *victim = seen;
    }
    if (!victim->entry) {
        *victim = oldest;
        atomic_store(&memory->lost, true);
    }
    return victim->entry != NULL;
}

static bool write_once(const struct name_key *key, const struct name_asker *asker, uint64_t stamp,
                       const char name[NAME_LIMIT])
{
    struct name_seen seen = {0};
    char known[NAME_LIMIT];

    while (name_table_next(key, key->port, &seen)) {
        if (seen.thread == asker->thread && name_table_read(&seen, known) && same_name(known, name))
            return refresh(&seen, stamp);
    }
    return choose(key, &seen) && overwrite(&seen, key, asker, stamp, name);
}

void name_table_write(const struct name_key *key, const struct name_asker *asker, uint64_t stamp,
                      const char name[NAME_LIMIT])
{
    for (int tries = 0; tries < TRIES; tries++) {
        if (write_once(key, asker, stamp, name))
            return;
    }
    atomic_store(&memory->lost, true);
}
