#include <stdatomic.h>
#include <string.h>

#include "preload/names/name_memory.h"
#include "preload/names/name_own.h"

enum { TRIES = 64 /* to read a list of names that changes meanwhile */ };

/* False if the record has changed since it was seen. */
static bool add(struct names_found *found, const struct record_seen *seen)
{
    char name[RECORD_TEXT];

    if (!records_text(seen, name))
        return false;
    if (!name[0]) {
        found->lost = true;
        return true;
    }
    if (found->count > SETTINGS_LIST_LIMIT)
        return true;
    for (uint32_t i = 0; i < found->count; i++) {
        /* A name that was asked for counts for more than the same name as an exchanger's domain. */
        if (same_name(found->name[i], name) &&
            (found->exchanger[i] == 0 || found->exchanger[i] == seen->key[3] || seen->key[3] == 0)) {
            if (seen->key[3] == 0)
                found->exchanger[i] = 0;
            return true;
        }
    }
    if (found->count == SETTINGS_LIST_LIMIT) {
        found->count = UINT32_MAX;
        return true;
    }
    memcpy(found->name[found->count], name, NAME_LIMIT);
    found->exchanger[found->count++] = seen->key[3];
    return true;
}

/* The lookups of an address that count are those stamped later than this, depending on their port. */
struct since {
    uint64_t port;
    uint64_t with_port, without_port, with_another;
};

/* False if a record has changed since it was seen. */
static bool add_all(const struct name_memory *from, const uint64_t key[2], const struct since *since,
                    struct names_found *found)
{
    const uint64_t forgotten = atomic_load(&from->clock->forgotten);
    struct record_seen seen = {0};

    while (records_next(&from->lookups, key, &seen)) {
        const uint64_t after = seen.key[2] == since->port ? since->with_port
                               : seen.key[2] == 0         ? since->without_port
                                                          : since->with_another;

        if (seen.stamp > after && seen.stamp > forgotten && !add(found, &seen))
            return false;
    }
    return true;
}

/* Adds from all memories but the one that processes with fewer rights can write. */
static bool add_trusted(const struct name_memory *memory, const uint64_t key[2], const struct since *since,
                        struct names_found *found)
{
    found->count = 0;
    found->lost = false;
    for (; memory; memory = memory->above) {
        if (!add_all(memory, key, since, found))
            return false;
    }
    return true;
}

/*
 * Hearsay may demand that more names match, but cannot vouch for a connection. If it is all we have, nobody
 * that we trust named this address.
 */
static bool add_heard(const struct name_memory *memory, const uint64_t key[2], const struct since *since,
                      struct names_found *found)
{
    const uint32_t trusted = found->count;

    if (!memory->heard)
        return true;
    if (!add_all(memory->heard, key, since, found))
        return false;
    found->lost = found->lost || (trusted == 0 && found->count > 0);
    return true;
}

/* The time of the latest loss that a connection to `key` might need. */
static uint64_t last_loss(const struct name_memory *memory, const uint64_t key[2])
{
    uint64_t latest = 0;

    for (const struct name_memory *at = memory; at; at = name_memory_next(memory, at)) {
        const uint64_t forgotten = atomic_load(&at->clock->forgotten);
        const uint64_t lost = losses_latest(&at->lost_lookups, key, 0);

        latest = forgotten > latest ? forgotten : latest;
        latest = lost > latest ? lost : latest;
    }
    return latest;
}

static bool find_once(const struct name_memory *memory, const struct lineage *me, const uint64_t key[2],
                      uint32_t port, struct names_found *found)
{
    const uint64_t with_port = name_own_of(memory, me, key, port), without = name_own_of(memory, me, key, 0);
    const uint64_t mine = with_port > without ? with_port : without;
    struct since since = {port, with_port, mine, 0};
    uint64_t with_another = UINT64_MAX;

    /*
     * If a thread asked for the address only with another port, it means that one, whatever others ask for.
     */
    if (mine == 0 && (with_another = name_own_of(memory, me, key, NAME_ANY_PORT)) == 0 &&
        !name_own_may_be(memory, me, key))
        with_another = UINT64_MAX;
    since.with_another = with_another;
    if (!add_trusted(memory, key, &since, found))
        return false;
    if (mine == 0 && found->count == 0 && since.with_another == UINT64_MAX) {
        since.with_another = 0;
        if (!add_trusted(memory, key, &since, found))
            return false;
    }
    if (!add_heard(memory, key, &since, found))
        return false;
    /* Look at the losses after reading the tables, so that nothing slips through in between. */
    found->lost = found->lost || memory->blind || found->count == UINT32_MAX || last_loss(memory, key) > mine;
    return true;
}

void name_memory_find(const struct name_memory *memory, const struct lineage *me,
                      const struct wire_address *address, struct names_found *found)
{
    uint64_t key[2];

    name_key_of_address(key, address);
    for (int tries = 0; tries < TRIES; tries++) {
        if (find_once(memory, me, key, address->port, found))
            return;
    }
    found->count = UINT32_MAX;
    found->lost = true;
}
