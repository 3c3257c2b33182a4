#include "preload/names/name_own.h"

#include <string.h>
#include <sys/socket.h>

#include "preload/names/name_memory.h"

void name_key_of_address(uint64_t key[2], const struct wire_address *address)
{
    static const uint8_t any[16], any_v4[16] = {[10] = 0xff, [11] = 0xff}, loopback[16] = {[15] = 1};
    static const uint8_t loopback_v4[16] = {[10] = 0xff, [11] = 0xff, [12] = 127, [15] = 1};
    uint8_t bytes[16] = {[10] = 0xff, [11] = 0xff};

    if (address->family == AF_INET)
        memcpy(bytes + 12, address->bytes, 4);
    else
        memcpy(bytes, address->bytes, 16);
    if (memcmp(bytes, any_v4, sizeof bytes) == 0)
        memcpy(bytes, loopback_v4, sizeof bytes);
    else if (memcmp(bytes, any, sizeof bytes) == 0)
        memcpy(bytes, loopback, sizeof bytes);
    memcpy(key, bytes, sizeof bytes);
}

const struct name_memory *name_memory_next(const struct name_memory *memory, const struct name_memory *at)
{
    if (at->above)
        return at->above;
    return at == memory->heard ? NULL : memory->heard;
}

/*
 * Looks only in memories that nobody with fewer rights can write: these records decide which lookups count.
 */
uint64_t name_own_of(const struct name_memory *memory, const struct lineage *me, const uint64_t key[2],
                     uint64_t port)
{
    uint64_t latest = 0;

    for (; me && memory; memory = memory->above) {
        struct record_seen seen = {0};

        while (records_next(&memory->own, key, &seen)) {
            if ((seen.key[2] == port || port == NAME_ANY_PORT) && seen.stamp > latest &&
                lineage_owns(me, seen.key[3], seen.stamp))
                latest = seen.stamp;
        }
    }
    return latest;
}

bool name_own_may_be(const struct name_memory *memory, const struct lineage *me, const uint64_t key[2])
{
    if (me->ancestors == LINEAGE_LIMIT)
        return true;
    for (; memory; memory = memory->above) {
        struct record_seen seen = {0};

        while (records_next(&memory->own, key, &seen)) {
            if (lineage_descends(me, seen.key[3]))
                return true;
        }
        if (losses_latest(&memory->lost_own, key, 0) != 0)
            return true;
    }
    return false;
}

/* If a thread's own lookup is lost, the thread counts as one that never asked, and more names must match. */
static void lose_own(void *context, const struct record_seen *victim)
{
    const struct name_memory *const memory = context;

    losses_add(&memory->lost_own, victim->key, 0, victim->stamp);
}

void name_own_write(struct name_memory *memory, struct lineage *me, uint64_t begun, const uint64_t key[2],
                    uint64_t port)
{
    static const char none[RECORD_TEXT];

    if (!me)
        return;
    me->last = name_memory_tick(memory);
    const uint64_t full[RECORD_KEYS] = {key[0], key[1], port, me->thread};
    records_write(&memory->own, full, none, begun, lose_own, memory);
}
