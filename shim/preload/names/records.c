#include "preload/names/records.h"

#include <stdatomic.h>
#include <string.h>

enum { TRIES = 64 /* attempts at a record that others keep writing */ };

_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2, "the table is written without locks");

size_t records_place(const uint64_t key[2], size_t count)
{
    const uint64_t factor = 0x9e3779b97f4a7c15u;

    /* Fibonacci hashing: the high bits of the product depend on the whole key. */
    return (size_t)((((key[0] * factor ^ key[1]) * factor) >> 32) * count >> 32);
}

size_t records_total(size_t count, unsigned levels)
{
    size_t total = 0;

    for (; levels > 0; levels--, count *= RECORD_GROWTH)
        total += count;
    return total;
}

static size_t probes(const struct records *records)
{
    return (size_t)records->levels * RECORD_WINDOW;
}

static struct record *probe(const struct records *records, const uint64_t key[2], size_t i)
{
    struct record *level = records->record;
    size_t count = records->count;

    for (; i >= RECORD_WINDOW; i -= RECORD_WINDOW, count *= RECORD_GROWTH)
        level += count;
    return &level[(records_place(key, count) + i) & (count - 1)];
}

/* Records are filled in the order of probing and never emptied, so no used one follows an unused one. */
static bool never_used(struct record *record)
{
    return atomic_load_explicit(&record->sequence, memory_order_relaxed) == 0;
}

/* False if the record is being written, its writer was killed, or it was never used. */
static bool look(struct record *record, struct record_seen *seen)
{
    for (int tries = 0; tries < TRIES; tries++) {
        const uint32_t sequence = atomic_load_explicit(&record->sequence, memory_order_acquire);

        if (sequence == 0 || sequence % 2)
            return false;
        seen->record = record;
        seen->sequence = sequence;
        seen->stamp = atomic_load_explicit(&record->stamp, memory_order_acquire);
        for (size_t i = 0; i < RECORD_KEYS; i++)
            seen->key[i] = atomic_load_explicit(&record->key[i], memory_order_acquire);
        if (atomic_load_explicit(&record->sequence, memory_order_relaxed) == sequence)
            return true;
    }
    return false;
}

bool records_next(const struct records *records, const uint64_t key[2], struct record_seen *seen)
{
    while (seen->next < probes(records)) {
        struct record *const record = probe(records, key, seen->next);

        if (never_used(record))
            return false;
        seen->next++;
        /* This comparison alone is cheap, and rules most records out. */
        if (atomic_load_explicit(&record->key[1], memory_order_relaxed) == key[1] && look(record, seen) &&
            seen->key[0] == key[0] && seen->key[1] == key[1])
            return true;
    }
    return false;
}

bool records_text(const struct record_seen *seen, char text[RECORD_TEXT])
{
    for (size_t i = 0; i < RECORD_TEXT / 8; i++) {
        const uint64_t word = atomic_load_explicit(&seen->record->text[i], memory_order_acquire);

        memcpy(text + 8 * i, &word, sizeof word);
        if (memchr(text + 8 * i, '\0', sizeof word))
            break;
    }
    text[RECORD_TEXT - 1] = '\0';
    return atomic_load_explicit(&seen->record->sequence, memory_order_relaxed) == seen->sequence;
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

/* Gives the record a later stamp. False if another writer has the record now, or had it in between. */
static bool refresh(const struct record_seen *seen, uint64_t stamp)
{
    uint64_t old = seen->stamp;

    /* Sequentially consistent with overwrite()'s claim and its check of the stamp: one notices the other. */
    while (old < stamp) {
        if (atomic_compare_exchange_strong(&seen->record->stamp, &old, stamp))
            break;
    }
    return atomic_load(&seen->record->sequence) == seen->sequence;
}

/* False if another writer was quicker. */
static bool overwrite(const struct record_seen *seen, const uint64_t key[RECORD_KEYS],
                      const char text[RECORD_TEXT], uint64_t stamp)
{
    struct record *const record = seen->record;
    const uint32_t after = seen->sequence + 2 ? seen->sequence + 2 : 2;
    uint32_t old = seen->sequence;

    if (!atomic_compare_exchange_strong(&record->sequence, &old, seen->sequence + 1))
        return false;
    if (atomic_load(&record->stamp) != seen->stamp) { /* refreshed since: keep it */
        atomic_store_explicit(&record->sequence, after, memory_order_release);
        return false;
    }
    atomic_store_explicit(&record->stamp, stamp, memory_order_release);
    for (size_t i = 0; i < RECORD_KEYS; i++)
        atomic_store_explicit(&record->key[i], key[i], memory_order_release);
    for (size_t i = 0; i < RECORD_TEXT / 8; i++) {
        uint64_t word;

        memcpy(&word, text + 8 * i, sizeof word);
        atomic_store_explicit(&record->text[i], word, memory_order_release);
    }
    atomic_store_explicit(&record->sequence, after, memory_order_release);
    return true;
}

/* Chooses a record that was never used, or else the oldest in the windows. False if all are being written. */
static bool choose(const struct records *records, const uint64_t key[2], struct record_seen *victim)
{
    struct record_seen seen = {0};

    *victim = (struct record_seen){.record = NULL};
    for (size_t i = 0; i < probes(records); i++) {
        struct record *const record = probe(records, key, i);

        if (never_used(record)) {
            *victim = (struct record_seen){.record = record};
            return true;
        }
        if (look(record, &seen) && (!victim->record || seen.stamp < victim->stamp))
            *victim = seen;
    }
    return victim->record != NULL;
}

static bool write_once(const struct records *records, const uint64_t key[RECORD_KEYS],
                       const char text[RECORD_TEXT], uint64_t stamp,
                       void (*lose)(void *context, const struct record_seen *victim), void *context)
{
    struct record_seen seen = {0};
    char known[RECORD_TEXT];

    while (records_next(records, key, &seen)) {
        if (memcmp(seen.key, key, sizeof seen.key) == 0 && records_text(&seen, known) &&
            same_name(known, text))
            return refresh(&seen, stamp);
    }
    if (!choose(records, key, &seen))
        return false;
    if (seen.sequence != 0)
        lose(context, &seen);
    return overwrite(&seen, key, text, stamp);
}

bool records_write(const struct records *records, const uint64_t key[RECORD_KEYS],
                   const char text[RECORD_TEXT], uint64_t stamp,
                   void (*lose)(void *context, const struct record_seen *victim), void *context)
{
    for (int tries = 0; tries < TRIES; tries++) {
        if (write_once(records, key, text, stamp, lose, context))
            return true;
    }
    return false;
}
