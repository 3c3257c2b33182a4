/*
 * When something about a key was last lost, in memory that processes share: a Bloom filter of stamps instead
 * of bits. It never says less than the truth. It may say more: with a quarter as many keys lost as there are
 * stamps, of six others one counts as lost too; with a twentieth as many, of a thousand others one.
 */
#ifndef RETROTLS_PRELOAD_NAMES_LOSSES_H
#define RETROTLS_PRELOAD_NAMES_LOSSES_H

#include <stddef.h>
#include <stdint.h>

struct losses {
    _Atomic uint64_t *stamp; /* zeroes at first */
    size_t count;            /* a power of two */
};

/* The key's first two words, and a number of what is lost, as many keys mean several things. */
void losses_add(const struct losses *losses, const uint64_t key[2], uint64_t kind, uint64_t stamp);

/* The latest stamp that was added for the key, or a later one; 0: nothing was lost. */
uint64_t losses_latest(const struct losses *losses, const uint64_t key[2], uint64_t kind);

#endif
