/*
 * The memory behind names.h. It may be shared by processes, and everything here works on a memory and for a
 * thread that are given, so that a test can play both.
 *
 * Three tables (records.h):
 *   lookups   an address, a port (0: the lookup named none) and a name that somebody asked for, with the time
 * of the latest answer own       a thread, and an address and port: when that thread last began a lookup that
 * led there origins   a name that came out of an answer, and the name that the question was about
 *
 * A name that came out of an answer and is looked up is written down with its origin, as two lookups. What a
 * table loses when it is full is noted by groups of addresses, and of names; whoever needs to know more than
 * that fails.
 */
#ifndef RETROTLS_PRELOAD_NAME_MEMORY_H
#define RETROTLS_PRELOAD_NAME_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

#include "preload/lineage.h"
#include "preload/names.h"
#include "preload/records.h"

enum {
    NAME_LOOKUPS = 4096,
    NAME_OWN = 4096,
    NAME_ORIGINS = 2048,
    NAME_LOSS_GROUPS = 256,
    NAME_LOST_BITS =
        1 << 20, /* of the filter: with 20,000 names in it, one of 30,000 others looks like them */
};

/* All zeroes at first. */
struct name_memory {
    _Atomic uint64_t clock;
    _Atomic uint64_t forgotten;              /* what is stamped up to here counts as never asked */
    _Atomic uint64_t lost[NAME_LOSS_GROUPS]; /* the latest lookup of an address of this group that was lost */
    _Atomic uint64_t origin_lost[NAME_LOSS_GROUPS];   /* the latest origin of a name of this group */
    _Atomic uint64_t originless[NAME_LOST_BITS / 64]; /* a filter of the names whose origin was lost */
    struct record lookup[NAME_LOOKUPS], own[NAME_OWN], origin[NAME_ORIGINS];
};

/* Counts lookups and threads: no number is given twice, and a later one is greater. */
uint64_t name_memory_tick(struct name_memory *memory);

/*
 * `me` asked for `name` and got `address`. `me` is NULL if no thread of the program's made the lookup
 * (names_begin). `begun`: name_memory_tick() before the question.
 */
void name_memory_remember(struct name_memory *memory, struct lineage *me, uint64_t begun, const char *name,
                          const struct wire_address *address);

/* `me` asked for `name`, and the answer had `other` in it. */
void name_memory_derive(struct name_memory *memory, struct lineage *me, uint64_t begun, const char *name,
                        const char *other, enum names_origin how);

void name_memory_forget(struct name_memory *memory);

void name_memory_find(struct name_memory *memory, const struct lineage *me,
                      const struct wire_address *address, struct names_found *found);

#endif
