/*
 * The memory behind names.h. Processes may share it. Each function takes the memory and the thread as
 * arguments, so that a test can play both.
 *
 * Three tables (records.h):
 *   lookups   an address, a port (0: the lookup named none) and a name that somebody asked for, with the time
 *             of the latest answer
 *   own       a thread, and an address and port: when that thread last began a lookup that led there
 *   origins   a name from an answer, and the name that the question was about
 *
 * When a program looks up a name from an answer, we record two lookups: the name's and its origin's.
 *
 * No lookup is ever too old to matter, because a program may connect by an address that it has kept for
 * months. So the tables are large, in memory that costs nothing until it is touched. When a table is full,
 * the oldest record gives way, and we note its key as lost (losses.h). A connection that needs what was lost
 * fails.
 *
 * A process that gives up rights gets a memory of its own (name_mapping.h). It goes on reading and trusting
 * those that it had, but can no longer write to them. Whatever it looks up from then on it also writes into
 * one more memory, which the whole family can read and write: what was heard. A name that was only heard
 * counts as one more that the certificate must be for. It makes no other name count less, and no connection
 * rests on it alone.
 */
#ifndef RETROTLS_PRELOAD_NAMES_NAME_MEMORY_H
#define RETROTLS_PRELOAD_NAMES_NAME_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

#include "preload/names/lineage.h"
#include "preload/names/name_layout.h"
#include "preload/names/names.h"

/*
 * A time for a lookup. None is given twice, and later ones are greater. In memories that processes with
 * different rights have, it is CLOCK_MONOTONIC's or a little later, so that their times can be compared
 * although none of them can write another's clock.
 */
uint64_t name_memory_tick(struct name_memory *memory);

/* A number for a thread, which no other thread in this memory or in one above has. */
uint64_t name_memory_number(struct name_memory *memory);

/*
 * `me` asked for `name` and got `address`. `me` is NULL if no thread of the program made the lookup
 * (names_begin). `begun`: name_memory_tick() before the question.
 */
void name_memory_remember(struct name_memory *memory, struct lineage *me, uint64_t begun, const char *name,
                          const struct wire_address *address);

/* `me` asked for `name`, and the answer contained `other`. */
void name_memory_derive(struct name_memory *memory, struct lineage *me, uint64_t begun, const char *name,
                        const char *other, enum names_origin how);

/*
 * `me` asked for the name of `address` and got `other`. We derive `other` from each name that `me` might mean
 * by the address, with any port, or else from the address as a literal. `same`: whether two names are
 * NAMES_SAME.
 */
void name_memory_derive_address(struct name_memory *memory, struct lineage *me, uint64_t begun,
                                const struct wire_address *address, const char *other,
                                bool (*same)(const char *name, const char *other));

void name_memory_forget(struct name_memory *memory);

void name_memory_find(const struct name_memory *memory, const struct lineage *me,
                      const struct wire_address *address, struct names_found *found);

#endif
