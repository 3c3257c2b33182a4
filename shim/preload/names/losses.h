/*
 * When something about a key was last lost, in memory that processes share. This is a Bloom filter of stamps
 * instead of bits. It may report too much, but never too little: with a quarter as many lost keys as stamps,
 * one in six other keys counts as lost too; with a twentieth as many, one in a thousand.
 */
#ifndef RETROTLS_PRELOAD_NAMES_LOSSES_H
#define RETROTLS_PRELOAD_NAMES_LOSSES_H

#include <stddef.h>
#include <stdint.h>

struct losses {
    _Atomic uint64_t *stamp; /* initially zero */
    size_t count;            /* a power of two */
};

/* `key`: the key's first two words. `kind`: what is lost, because one key may mean several things. */
void losses_add(const struct losses *losses, const uint64_t key[2], uint64_t kind, uint64_t stamp);

/* The latest stamp that was added for the key, or a later one; 0 if nothing was lost. */
uint64_t losses_latest(const struct losses *losses, const uint64_t key[2], uint64_t kind);

#endif
