/* Where the tables of the memory of names (name_memory.h) lie, and how large they are. */
#ifndef RETROTLS_PRELOAD_NAMES_NAME_LAYOUT_H
#define RETROTLS_PRELOAD_NAMES_NAME_LAYOUT_H

#include <stddef.h>
#include <stdint.h>

#include "preload/names/losses.h"
#include "preload/names/records.h"

/* How many records there are (of the first level), in how many levels, and stamps for what is lost. */
struct name_sizes {
    uint32_t lookups, own, origins;
    uint32_t lookup_levels, own_levels, origin_levels;
    uint32_t lost_lookups, lost_origins, lost_own;
};

/*
 * Some 300,000 lookups (37,000 where addresses have 32 bits) in 130 MB that are not there until they are
 * used, and 4,096 in 4 MB, for a program whose address space is limited.
 */
extern const struct name_sizes name_sizes_large, name_sizes_small;

/* Where everything lies. Each process has its own, so that none believes another about sizes. */
struct name_memory {
    struct name_clock {
        _Atomic uint64_t now;
        _Atomic uint64_t forgotten; /* what is stamped up to here counts as never asked */
    } * clock;
    struct records lookups, own, origins;
    struct losses lost_lookups, lost_origins, lost_own;
};

/* The bytes that a memory needs, aligned to 64, and all zeroes at first. */
size_t name_memory_size(const struct name_sizes *sizes);
struct name_memory name_memory_at(void *bytes, const struct name_sizes *sizes);

#endif
