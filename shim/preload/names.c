#include "preload/names.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

#include "preload/lineage.h"
#include "preload/name_table.h"

enum { TRIES = 64 }; /* at a list of names of which one changes while it is read */

void names_start(void)
{
    name_table_start();
}

static void remember(const char *name, const struct wire_address *address, bool apart)
{
    const int saved = errno;
    const size_t length = strnlen(name, NAME_LIMIT);
    char padded[NAME_LIMIT] = "";

    if (length == 0 || length == NAME_LIMIT || (address->family != AF_INET && address->family != AF_INET6))
        return;
    /* Another library's constructor may look a name up before ours has run. */
    if (name_table_start()) {
        struct lineage *const me = lineage_now();
        const struct name_key key = name_key_of(address);
        const uint64_t stamp = name_table_tick();

        memcpy(padded, name, length);
        if (!apart)
            me->last = stamp;
        const struct name_asker asker = {.thread = apart ? lineage_of_name(padded) : me->thread,
                                         .process = me->process};
        name_table_write(&key, &asker, stamp, padded);
    }
    errno = saved;
}

void names_remember(const char *name, const struct wire_address *address)
{
    remember(name, address, false);
}

void names_remember_apart(const char *name, const struct wire_address *address)
{
    remember(name, address, true);
}

void names_forget(void)
{
    if (name_table_start())
        name_table_forget();
}

/* ---- finding */

/* False where the entry has changed since it was seen. */
static bool add(struct names_found *found, const struct name_seen *seen)
{
    char name[NAME_LIMIT];

    if (!name_table_read(seen, name))
        return false;
    if (found->count > SETTINGS_LIST_LIMIT)
        return true;
    for (uint32_t i = 0; i < found->count; i++) {
        if (same_name(found->name[i], name))
            return true;
    }
    if (found->count == SETTINGS_LIST_LIMIT)
        found->count = UINT32_MAX;
    else
        memcpy(found->name[found->count++], name, NAME_LIMIT);
    return true;
}

static bool is_literal(const struct name_seen *seen)
{
    char name[NAME_LIMIT];
    struct in6_addr address;

    return name_table_read(seen, name) &&
           (inet_pton(AF_INET, name, &address) == 1 || inet_pton(AF_INET6, name, &address) == 1);
}

/*
 * Adds the latest name that this thread asked for with `port`, if it is later than `*after`, which is set to
 * its stamp. False where an entry changed.
 */
static bool add_own(struct names_found *found, const struct name_key *key, uint32_t port,
                    const struct lineage *me, uint64_t *after, bool literals)
{
    struct name_seen seen = {0}, latest = {.stamp = *after};

    while (name_table_next(key, port, &seen)) {
        switch (lineage_owns(me, &seen)) {
        case LINEAGE_OWN:
            if (seen.stamp > latest.stamp && (literals || !is_literal(&seen)))
                latest = seen;
            break;
        case LINEAGE_UNCERTAIN:
            if (!add(found, &seen))
                return false;
            break;
        case LINEAGE_FOREIGN:
            break;
        }
    }
    *after = latest.stamp;
    return !latest.entry || add(found, &latest);
}

/* Adds the latest name of each other thread, of this process or of the others. False as above. */
static bool add_others(struct names_found *found, const struct name_key *key, uint32_t port,
                       const struct lineage *me, bool this_process)
{
    struct name_seen seen = {0};

    while (name_table_next(key, port, &seen)) {
        if ((seen.process == me->process) == this_process && lineage_owns(me, &seen) == LINEAGE_FOREIGN &&
            !name_table_superseded(key, &seen) && !add(found, &seen))
            return false;
    }
    return true;
}

static bool find_at_port(struct names_found *found, const struct name_key *key, uint32_t port,
                         const struct lineage *me)
{
    uint64_t latest = 0;

    if (!add_own(found, key, port, me, &latest, true))
        return false;
    const bool mine = found->count > 0;
    for (int others = 0; others < 2 && found->count == 0; others++) {
        if (!add_others(found, key, port, me, others == 0))
            return false;
    }
    if (port == 0 || found->count == 0)
        return true;
    return add_own(found, key, 0, me, &latest, !mine);
}

static bool find_once(struct names_found *found, const struct name_key *key, const struct lineage *me)
{
    found->count = 0;
    if (!find_at_port(found, key, key->port, me))
        return false;
    return found->count > 0 || key->port == 0 || find_at_port(found, key, 0, me);
}

void names_find(const struct wire_address *address, struct names_found *found)
{
    const int saved = errno;

    found->count = 0;
    found->lost = !name_table_start();
    if (found->lost || (address->family != AF_INET && address->family != AF_INET6))
        return;

    const struct lineage *const me = lineage_now();
    const struct name_key key = name_key_of(address);
    for (int tries = 0; tries < TRIES; tries++) {
        if (find_once(found, &key, me)) {
            found->lost = found->count == UINT32_MAX || (found->count == 0 && name_table_has_lost());
            errno = saved;
            return;
        }
    }
    found->count = UINT32_MAX;
    found->lost = true;
    errno = saved;
}
