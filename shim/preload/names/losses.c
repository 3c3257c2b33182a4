#include "preload/names/losses.h"

#include <stdatomic.h>

enum { HASHES = 4 };

/* The finalizer of splitmix64: each bit of the result depends on each of the number. */
static uint64_t mixed(uint64_t number)
{
    number = (number ^ number >> 30) * 0xbf58476d1ce4e5b9u;
    number = (number ^ number >> 27) * 0x94d049bb133111ebu;
    return number ^ number >> 31;
}

/* Double hashing does as well as HASHES functions of their own (Kirsch and Mitzenmacher, 2006). */
static _Atomic uint64_t *place(const struct losses *losses, const uint64_t key[2], uint64_t kind, unsigned i)
{
    const uint64_t first = mixed(key[0] ^ mixed(key[1] ^ mixed(kind + 1)));
    const uint64_t second = mixed(first) | 1;

    return &losses->stamp[(first + i * second) & (losses->count - 1)];
}

void losses_add(const struct losses *losses, const uint64_t key[2], uint64_t kind, uint64_t stamp)
{
    for (unsigned i = 0; i < HASHES; i++) {
        _Atomic uint64_t *const at = place(losses, key, kind, i);
        uint64_t old = atomic_load(at);

        while (old < stamp && !atomic_compare_exchange_weak(at, &old, stamp))
            ;
    }
}

uint64_t losses_latest(const struct losses *losses, const uint64_t key[2], uint64_t kind)
{
    uint64_t latest = UINT64_MAX;

    for (unsigned i = 0; i < HASHES; i++) {
        const uint64_t stamp = atomic_load(place(losses, key, kind, i));

        if (stamp < latest)
            latest = stamp;
    }
    return latest;
}
