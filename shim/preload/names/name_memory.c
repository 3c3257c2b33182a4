#include "preload/names/name_memory.h"

#include <arpa/inet.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>

enum {
    TRIES = 64,         /* to read a list of names that changes meanwhile */
    ORIGINS_LIMIT = 16, /* of one name; if it has more, one counts as not known */
};

/* In place of a port: a record of `own` is about a name's origin and not about an address. */
static const uint64_t of_origin = (uint64_t)1 << 32;
/* In place of a port in a search: any port. */
static const uint64_t any_port = UINT64_MAX;
/* In place of an exchanger: one that we do not know. */
static const uint64_t of_unknown = 1;
/* The last key of an origin: the name is an exchanger of what was asked for, not an alias. */
static const uint64_t of_domain = 1;

/* ---- keys */

static void key_of_address(uint64_t key[2], const struct wire_address *address)
{
    uint8_t bytes[16] = {[10] = 0xff, [11] = 0xff};

    if (address->family == AF_INET)
        memcpy(bytes + 12, address->bytes, 4);
    else
        memcpy(bytes, address->bytes, 16);
    memcpy(key, bytes, sizeof bytes);
}

static void pad(char padded[RECORD_TEXT], const char *text)
{
    memset(padded, 0, RECORD_TEXT);
    memcpy(padded, text, strnlen(text, RECORD_TEXT - 1));
}

uint64_t name_memory_tick(struct name_memory *memory)
{
    return atomic_fetch_add(&memory->clock->now, 1) + 1;
}

/* ---- losses */

static void lose_lookup(void *context, const struct record_seen *victim)
{
    const struct name_memory *const memory = context;

    losses_add(&memory->lost_lookups, victim->key, 0, victim->stamp);
}

/* A thread whose own lookup is lost counts as one that never asked: more names must match. */
static void lose_own(void *context, const struct record_seen *victim)
{
    const struct name_memory *const memory = context;

    losses_add(&memory->lost_own, victim->key, 0, victim->stamp);
}

static void lose_origin(void *context, const struct record_seen *victim)
{
    const struct name_memory *const memory = context;

    losses_add(&memory->lost_origins, victim->key, victim->key[3], victim->stamp);
}

/* Whether we lost an origin that counts: an alias's always does, an exchanger's if later than `after`. */
static bool origin_is_lost(const struct name_memory *memory, const uint64_t key[2], uint64_t after)
{
    return losses_latest(&memory->lost_origins, key, 0) != 0 ||
           losses_latest(&memory->lost_origins, key, of_domain) > after;
}

void name_memory_forget(struct name_memory *memory)
{
    const uint64_t now = name_memory_tick(memory);
    uint64_t old = atomic_load(&memory->clock->forgotten);

    while (old < now && !atomic_compare_exchange_weak(&memory->clock->forgotten, &old, now))
        ;
}

/* ---- a thread's own */

/* When `me` last began a question that led to `key` with `port`, or any_port; 0: never. */
static uint64_t own_of(struct name_memory *memory, const struct lineage *me, const uint64_t key[2],
                       uint64_t port)
{
    const struct records *const table = &memory->own;
    struct record_seen seen = {0};
    uint64_t latest = 0;

    while (me && records_next(table, key, &seen)) {
        if ((seen.key[2] == port || port == any_port) && seen.stamp > latest &&
            lineage_owns(me, seen.key[3], seen.stamp))
            latest = seen.stamp;
    }
    return latest;
}

/*
 * Whether `me` may have begun a question that led to `key` though own_of() knows of none: the record was
 * lost, or it was an ancestor's that is too far back or has asked again since.
 */
static bool may_have_asked(struct name_memory *memory, const struct lineage *me, const uint64_t key[2])
{
    const struct records *const table = &memory->own;
    struct record_seen seen = {0};

    if (me->ancestors == LINEAGE_LIMIT)
        return true;
    while (records_next(table, key, &seen)) {
        if (lineage_descends(me, seen.key[3]))
            return true;
    }
    return losses_latest(&memory->lost_own, key, 0) != 0;
}

/* Called after the answer is recorded: until then the older time stands, and more names must match. */
static void write_own(struct name_memory *memory, struct lineage *me, uint64_t begun, const uint64_t key[2],
                      uint64_t port)
{
    const struct records *const table = &memory->own;
    static const char none[RECORD_TEXT];

    if (!me)
        return;
    me->last = name_memory_tick(memory);
    const uint64_t full[RECORD_KEYS] = {key[0], key[1], port, me->thread};
    records_write(table, full, none, begun, lose_own, memory);
}

/* ---- where a name came from */

struct origin {
    char name[NAME_LIMIT]; /* "": not known */
    uint64_t exchanger;
};

/*
 * Lists the names whose answers contained `name`, and returns their number. A popular mail exchanger has
 * thousands of domains: only those count that `me` asked for last, or anybody later.
 */
static size_t origins_of(struct name_memory *memory, const struct lineage *me, const char *name,
                         struct origin origin[ORIGINS_LIMIT])
{
    const struct records *const table = &memory->origins;
    const uint64_t key[2] = {name_hash(name), 0};
    const uint64_t after = own_of(memory, me, key, of_origin);
    struct record_seen seen = {0};
    bool unknown = false;
    size_t count = 0;

    while (!unknown && records_next(table, key, &seen)) {
        if (seen.key[3] == of_domain && seen.stamp <= after)
            continue;
        if (count == ORIGINS_LIMIT - 1 || !records_text(&seen, origin[count].name)) {
            unknown = true;
            break;
        }
        origin[count++].exchanger = seen.key[2];
    }
    /* Look at the losses after reading the table, so that nothing slips through in between. */
    if (unknown || origin_is_lost(memory, key, after))
        origin[count++] = (struct origin){.exchanger = of_unknown};
    return count;
}

static void write_origin(struct name_memory *memory, uint64_t of, enum names_origin how, uint64_t exchanger,
                         const char *name)
{
    const struct records *const table = &memory->origins;
    const uint64_t key[RECORD_KEYS] = {of, 0, exchanger, how == NAMES_EXCHANGER ? of_domain : 0};
    const uint64_t stamp = name_memory_tick(memory);
    const struct record_seen lost = {.stamp = stamp, .key = {key[0], key[1], key[2], key[3]}};
    char padded[RECORD_TEXT];

    pad(padded, name);
    if (!records_write(table, key, padded, stamp, lose_origin, memory))
        lose_origin(memory, &lost);
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
    write_own(memory, me, begun, key, of_origin);
}

/* True if a name was found, or may have been lost. */
static bool derive_from_each(struct name_memory *memory, struct lineage *me, uint64_t begun,
                             const uint64_t key[2], const char *other,
                             bool (*same)(const char *name, const char *other))
{
    const struct records *const table = &memory->lookups;
    const uint64_t after = own_of(memory, me, key, any_port);
    const uint64_t forgotten = atomic_load(&memory->clock->forgotten);
    struct record_seen seen = {0};
    bool lost = forgotten > after, any = false;
    char name[RECORD_TEXT];

    while (records_next(table, key, &seen)) {
        if (seen.stamp <= after || seen.stamp <= forgotten || seen.key[3] != 0)
            continue; /* an exchanger's domain is derived together with the exchanger */
        any = true;
        if (records_text(&seen, name) && name[0])
            name_memory_derive(memory, me, begun, name, other, same(name, other) ? NAMES_SAME : NAMES_ALIAS);
        else
            lost = true;
    }
    lost = lost || losses_latest(&memory->lost_lookups, key, 0) > after;
    if (lost)
        write_origin(memory, name_hash(other), NAMES_ALIAS, of_unknown, "");
    return any || lost;
}

void name_memory_derive_address(struct name_memory *memory, struct lineage *me, uint64_t begun,
                                const struct wire_address *address, const char *other,
                                bool (*same)(const char *name, const char *other))
{
    char literal[INET6_ADDRSTRLEN];
    uint64_t key[2];

    key_of_address(key, address);
    if (!derive_from_each(memory, me, begun, key, other, same) &&
        inet_ntop(address->family, address->bytes, literal, sizeof literal))
        name_memory_derive(memory, me, begun, literal, other,
                           same(literal, other) ? NAMES_SAME : NAMES_ALIAS);
}

/* ---- lookups */

static void write_lookup(struct name_memory *memory, const uint64_t key[2], uint32_t port, const char *name,
                         uint64_t exchanger)
{
    const struct records *const table = &memory->lookups;
    const uint64_t full[RECORD_KEYS] = {key[0], key[1], port, exchanger};
    const uint64_t stamp = name_memory_tick(memory);
    const struct record_seen lost = {.stamp = stamp, .key = {key[0], key[1]}};
    char padded[RECORD_TEXT];

    pad(padded, name);
    if (!records_write(table, full, padded, stamp, lose_lookup, memory))
        lose_lookup(memory, &lost);
}

void name_memory_remember(struct name_memory *memory, struct lineage *me, uint64_t begun, const char *name,
                          const struct wire_address *address)
{
    struct origin origin[ORIGINS_LIMIT];
    const size_t count = origins_of(memory, me, name, origin);
    uint64_t key[2];

    key_of_address(key, address);
    write_lookup(memory, key, address->port, name, 0);
    for (size_t i = 0; i < count; i++)
        write_lookup(memory, key, address->port, origin[i].name, origin[i].exchanger);
    write_own(memory, me, begun, key, address->port);
}

/* ---- finding */

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
        /* A name that was asked for itself counts for more than as an exchanger's domain. */
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

/* Which lookups of an address count: those stamped later than this, depending on their port. */
struct since {
    uint64_t port;
    uint64_t with_port, without_port, with_another;
};

/* False if a record has changed since it was seen. */
static bool add_all(struct name_memory *memory, const uint64_t key[2], const struct since *since,
                    struct names_found *found)
{
    const struct records *const table = &memory->lookups;
    const uint64_t forgotten = atomic_load(&memory->clock->forgotten);
    struct record_seen seen = {0};

    found->count = 0;
    found->lost = false;
    while (records_next(table, key, &seen)) {
        const uint64_t after = seen.key[2] == since->port ? since->with_port
                               : seen.key[2] == 0         ? since->without_port
                                                          : since->with_another;

        if (seen.stamp > after && seen.stamp > forgotten && !add(found, &seen))
            return false;
    }
    return true;
}

static bool find_once(struct name_memory *memory, const struct lineage *me, const uint64_t key[2],
                      uint32_t port, struct names_found *found)
{
    const uint64_t with_port = own_of(memory, me, key, port), without = own_of(memory, me, key, 0);
    const uint64_t mine = with_port > without ? with_port : without;
    struct since since = {port, with_port, mine, 0};
    uint64_t with_another = UINT64_MAX, lost;

    /* A thread that asked for the address only with another port means that, whatever others ask for. */
    if (mine == 0 && (with_another = own_of(memory, me, key, any_port)) == 0 &&
        !may_have_asked(memory, me, key))
        with_another = UINT64_MAX;
    since.with_another = with_another;
    if (!add_all(memory, key, &since, found))
        return false;
    if (mine == 0 && found->count == 0 && since.with_another == UINT64_MAX) {
        since.with_another = 0;
        if (!add_all(memory, key, &since, found))
            return false;
    }
    /* Look at the losses after reading the table, so that nothing slips through in between. */
    lost = losses_latest(&memory->lost_lookups, key, 0);
    if (lost < atomic_load(&memory->clock->forgotten))
        lost = atomic_load(&memory->clock->forgotten);
    found->lost = found->lost || found->count == UINT32_MAX || lost > mine;
    return true;
}

void name_memory_find(struct name_memory *memory, const struct lineage *me,
                      const struct wire_address *address, struct names_found *found)
{
    uint64_t key[2];

    key_of_address(key, address);
    for (int tries = 0; tries < TRIES; tries++) {
        if (find_once(memory, me, key, address->port, found))
            return;
    }
    found->count = UINT32_MAX;
    found->lost = true;
}
