/*
 * The memory behind names.h. It may be shared by processes, and everything here works on a memory and for a
 * thread that are given, so that a test can play both.
 *
 * Three tables (records.h):
 *   lookups   an address, a port (0: the lookup named none) and a name that somebody asked for, with the time
 *             of the latest answer
 *   own       a thread, and an address and port: when that thread last began a lookup that led there
 *   origins   a name that came out of an answer, and the name that the question was about
 *
 * A name that came out of an answer and is looked up is written down with its origin, as two lookups.
 *
 * No lookup is ever so old that it says nothing: a program may connect by an address that it has kept for
 * months. So the tables are large, in memory that costs nothing until it is touched; the oldest record gives
 * way where a table is full, and what it was about is noted (losses.h). Whoever needs to know more than that
 * fails.
 */
#ifndef RETROTLS_PRELOAD_NAMES_NAME_MEMORY_H
#define RETROTLS_PRELOAD_NAMES_NAME_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

#include "preload/names/lineage.h"
#include "preload/names/name_layout.h"
#include "preload/names/names.h"

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

/*
 * `me` asked what `address` is called, and the answer was `other`: derived from each name that `me` might
 * mean by the address, whatever the port, else from the address as a literal. `same`: whether two names are
 * NAMES_SAME.
 */
void name_memory_derive_address(struct name_memory *memory, struct lineage *me, uint64_t begun,
                                const struct wire_address *address, const char *other,
                                bool (*same)(const char *name, const char *other));

void name_memory_forget(struct name_memory *memory);

void name_memory_find(struct name_memory *memory, const struct lineage *me,
                      const struct wire_address *address, struct names_found *found);

#endif
