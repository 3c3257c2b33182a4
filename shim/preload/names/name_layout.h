/* The sizes and the layout of the tables of the memory of names (name_memory.h). */
#ifndef RETROTLS_PRELOAD_NAMES_NAME_LAYOUT_H
#define RETROTLS_PRELOAD_NAMES_NAME_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "preload/names/losses.h"
#include "preload/names/records.h"

/* The number of records (in the first level), of levels, and of stamps for losses. */
struct name_sizes {
    uint32_t lookups, own, origins;
    uint32_t lookup_levels, own_levels, origin_levels;
    uint32_t lost_lookups, lost_origins, lost_own;
};

/*
 * Some 300,000 lookups (37,000 with 32-bit addresses) in 130 MB, which cost nothing until they are used;
 * 73,000 in 47 MB, for a program that maps the memory three times (name_mapping.c) and may limit the address
 * space of what it starts to 256 MB, as dovecot does; and 4,096 in 4 MB, for a program whose own address
 * space is limited.
 */
extern const struct name_sizes name_sizes_large, name_sizes_middle, name_sizes_small;

/* Where the tables lie. Each process keeps its own copy, so that it need not trust another about sizes. */
struct name_memory {
    struct name_clock {
        _Atomic uint64_t now;
        _Atomic uint64_t forgotten; /* lookups stamped up to here count as never made */
        _Atomic uint64_t resolves;  /* 1: see names_resolve() */
    } * clock;
    struct records lookups, own, origins;
    struct losses lost_lookups, lost_origins, lost_own;
    /*
     * All of these are NULL or false unless processes with different rights have memories of their own
     * (name_memory.h): the next one above, which we only read; what was heard.
     */
    const struct name_memory *above;
    struct name_memory *heard;
    bool parted; /* what is written here must be heard as well */
    bool blind;  /* there is one above that cannot be read */
};

/* The number of bytes that a memory needs. They must be aligned to 64, and zero at first. */
size_t name_memory_size(const struct name_sizes *sizes);
struct name_memory name_memory_at(void *bytes, const struct name_sizes *sizes);

#endif
