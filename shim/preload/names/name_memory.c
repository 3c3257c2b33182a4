#include "preload/names/name_memory.h"

#include <arpa/inet.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>

#include "preload/names/name_own.h"
#include "preload/sys/sys.h"

enum { ORIGINS_LIMIT = 16 /* origins of one name; if it has more, one counts as not known */ };

/* In place of an exchanger: one that we do not know. */
static const uint64_t of_unknown = 1;
/* The last key of an origin: the name is an exchanger of what was asked for, not an alias. */
static const uint64_t of_domain = 1;

static void pad(char padded[RECORD_TEXT], const char *text)
{
    memset(padded, 0, RECORD_TEXT);
    memcpy(padded, text, strnlen(text, RECORD_TEXT - 1));
}

/* ---- time */

uint64_t name_memory_tick(struct name_memory *memory)
{
    uint64_t least, old = atomic_load(&memory->clock->now);

    if (!memory->heard)
        return atomic_fetch_add(&memory->clock->now, 1) + 1;
    least = (uint64_t)sys_nanoseconds();
    for (const struct name_memory *at = memory->above; at; at = at->above) {
        const uint64_t above = atomic_load(&at->clock->now) + 1;

        least = above > least ? above : least;
    }
    while (!atomic_compare_exchange_weak(&memory->clock->now, &old, old < least ? least : old + 1))
        ;
    return old < least ? least : old + 1;
}

uint64_t name_memory_number(struct name_memory *memory)
{
    uint64_t depth = 0;

    for (const struct name_memory *at = memory->above; at; at = at->above)
        depth++;
    return name_memory_tick(memory) | depth << 60;
}

/* ---- losses */

static void lose_lookup(void *context, const struct record_seen *victim)
{
    const struct name_memory *const memory = context;

    losses_add(&memory->lost_lookups, victim->key, 0, victim->stamp);
}

static void lose_origin(void *context, const struct record_seen *victim)
{
    const struct name_memory *const memory = context;

    losses_add(&memory->lost_origins, victim->key, victim->key[3], victim->stamp);
}

/*
 * Whether we lost an origin that counts: an alias's always counts, an exchanger's only if it is later than
 * `after`.
 */
static bool origin_is_lost(const struct name_memory *memory, const uint64_t key[2], uint64_t after)
{
    for (const struct name_memory *at = memory; at; at = name_memory_next(memory, at)) {
        if (losses_latest(&at->lost_origins, key, 0) != 0 ||
            losses_latest(&at->lost_origins, key, of_domain) > after)
            return true;
    }
    return false;
}

static void forget_until(struct name_memory *memory, uint64_t now)
{
    uint64_t old = atomic_load(&memory->clock->forgotten);

    while (old < now && !atomic_compare_exchange_weak(&memory->clock->forgotten, &old, now))
        ;
}

void name_memory_forget(struct name_memory *memory)
{
    const uint64_t now = name_memory_tick(memory);

    forget_until(memory, now);
    if (memory->parted)
        forget_until(memory->heard, now);
}

/* ---- where a name came from */

struct origin {
    char name[NAME_LIMIT]; /* "": not known */
    uint64_t exchanger;
};

/* Several memories may have the same. */
static bool is_listed(const struct origin *origin, size_t count, const char *name, uint64_t exchanger)
{
    for (size_t i = 0; i < count; i++) {
        if (origin[i].exchanger == exchanger && same_name(origin[i].name, name))
            return true;
    }
    return false;
}

/*
 * Lists the names whose answers contained `name`, and returns their number. A popular mail exchanger has
 * thousands of domains. Only the one that `me` asked for last counts, and those that anybody asked for later.
 */
static size_t origins_of(const struct name_memory *memory, const struct lineage *me, const char *name,
                         struct origin origin[ORIGINS_LIMIT])
{
    const uint64_t key[2] = {name_hash(name), 0};
    const uint64_t after = name_own_of(memory, me, key, NAME_OF_ORIGIN);
    bool unknown = false;
    size_t count = 0;

    for (const struct name_memory *at = memory; at; at = name_memory_next(memory, at)) {
        struct record_seen seen = {0};

        while (!unknown && records_next(&at->origins, key, &seen)) {
            if (seen.key[3] == of_domain && seen.stamp <= after)
                continue;
            unknown = count == ORIGINS_LIMIT - 1 || !records_text(&seen, origin[count].name);
            if (!unknown && !is_listed(origin, count, origin[count].name, seen.key[2]))
                origin[count++].exchanger = seen.key[2];
        }
    }
    /* Look at the losses after reading the tables, so that nothing slips through in between. */
    if (unknown || origin_is_lost(memory, key, after))
        origin[count++] = (struct origin){.exchanger = of_unknown};
    return count;
}

static void record_origin(struct name_memory *memory, const uint64_t key[RECORD_KEYS],
                          const char padded[RECORD_TEXT], uint64_t stamp)
{
    const struct record_seen lost = {.stamp = stamp, .key = {key[0], key[1], key[2], key[3]}};

    if (!records_write(&memory->origins, key, padded, stamp, lose_origin, memory))
        lose_origin(memory, &lost);
}

static void write_origin(struct name_memory *memory, uint64_t of, enum names_origin how, uint64_t exchanger,
                         const char *name)
{
    const uint64_t key[RECORD_KEYS] = {of, 0, exchanger, how == NAMES_EXCHANGER ? of_domain : 0};
    const uint64_t stamp = name_memory_tick(memory);
    char padded[RECORD_TEXT];

    pad(padded, name);
    record_origin(memory, key, padded, stamp);
    if (memory->parted)
        record_origin(memory->heard, key, padded, stamp);
}

void name_memory_derive(struct name_memory *memory, struct lineage *me, uint64_t begun, const char *name,
                        const char *other, enum names_origin how)
{
    const uint64_t key[2] = {name_hash(other), 0};
    const uint64_t exchanger = how == NAMES_EXCHANGER ? key[0] : 0;
    struct origin origin[ORIGINS_LIMIT];
    size_t count;

    if (name_hash(name) == key[0])
        return;
    count = origins_of(memory, me, name, origin);
    if (how != NAMES_SAME)
        write_origin(memory, key[0], how, exchanger, name);
    for (size_t i = 0; i < count; i++)
        write_origin(memory, key[0], how, origin[i].exchanger ? origin[i].exchanger : exchanger,
                     origin[i].name);
    name_own_write(memory, me, begun, key, NAME_OF_ORIGIN);
}

/*
 * Derives from the names in one of the memories. True if a name was found, or may have been lost, and nobody
 * with fewer rights said so.
 */
static bool derive_from_each(struct name_memory *memory, const struct name_memory *from, struct lineage *me,
                             uint64_t begun, const uint64_t key[2], const char *other,
                             bool (*same)(const char *name, const char *other))
{
    const uint64_t after = name_own_of(memory, me, key, NAME_ANY_PORT);
    const uint64_t forgotten = atomic_load(&from->clock->forgotten);
    struct record_seen seen = {0};
    bool lost = forgotten > after, any = false;
    char name[RECORD_TEXT];

    while (records_next(&from->lookups, key, &seen)) {
        if (seen.stamp <= after || seen.stamp <= forgotten || seen.key[3] != 0)
            continue; /* an exchanger's domain is derived together with the exchanger */
        any = true;
        if (records_text(&seen, name) && name[0])
            name_memory_derive(memory, me, begun, name, other, same(name, other) ? NAMES_SAME : NAMES_ALIAS);
        else
            lost = true;
    }
    lost = lost || losses_latest(&from->lost_lookups, key, 0) > after;
    if (lost)
        write_origin(memory, name_hash(other), NAMES_ALIAS, of_unknown, "");
    return from != memory->heard && (any || lost);
}

void name_memory_derive_address(struct name_memory *memory, struct lineage *me, uint64_t begun,
                                const struct wire_address *address, const char *other,
                                bool (*same)(const char *name, const char *other))
{
    char literal[INET6_ADDRSTRLEN];
    bool any = false;
    uint64_t key[2];

    name_key_of_address(key, address);
    for (const struct name_memory *at = memory; at; at = name_memory_next(memory, at))
        any = derive_from_each(memory, at, me, begun, key, other, same) || any;
    if (!any && inet_ntop(address->family, address->bytes, literal, sizeof literal))
        name_memory_derive(memory, me, begun, literal, other,
                           same(literal, other) ? NAMES_SAME : NAMES_ALIAS);
}

/* ---- lookups */

static void record_lookup(struct name_memory *memory, const uint64_t key[RECORD_KEYS],
                          const char padded[RECORD_TEXT], uint64_t stamp)
{
    const struct record_seen lost = {.stamp = stamp, .key = {key[0], key[1]}};

    if (!records_write(&memory->lookups, key, padded, stamp, lose_lookup, memory))
        lose_lookup(memory, &lost);
}

static void write_lookup(struct name_memory *memory, const uint64_t key[2], uint32_t port, const char *name,
                         uint64_t exchanger)
{
    const uint64_t full[RECORD_KEYS] = {key[0], key[1], port, exchanger};
    const uint64_t stamp = name_memory_tick(memory);
    char padded[RECORD_TEXT];

    pad(padded, name);
    record_lookup(memory, full, padded, stamp);
    if (memory->parted)
        record_lookup(memory->heard, full, padded, stamp);
}

void name_memory_remember(struct name_memory *memory, struct lineage *me, uint64_t begun, const char *name,
                          const struct wire_address *address)
{
    struct origin origin[ORIGINS_LIMIT];
    const size_t count = origins_of(memory, me, name, origin);
    uint64_t key[2];

    name_key_of_address(key, address);
    write_lookup(memory, key, address->port, name, 0);
    for (size_t i = 0; i < count; i++)
        write_lookup(memory, key, address->port, origin[i].name, origin[i].exchanger);
    name_own_write(memory, me, begun, key, address->port);
}
