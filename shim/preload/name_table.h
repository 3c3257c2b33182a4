/*
 * The table behind names.h, in memory shared with forked children: open addressing, each entry guarded by a
 * sequence number that is odd while the entry is written. A writer claims an entry by making its sequence
 * odd; it never waits, and where it is killed before it is done, that one entry is lost and nothing else.
 * Every field is an atomic: stores that release and loads that acquire keep a field between the two readings
 * of the sequence, with no fence.
 */
#ifndef RETROTLS_PRELOAD_NAME_TABLE_H
#define RETROTLS_PRELOAD_NAME_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "preload/names.h"
#include "wire/wire.h"

/* Maps the table, once. False where there is none; then nothing below may be called. */
bool name_table_start(void);

/* Counts lookups, threads and processes: no number is given twice, and a later one is greater. */
uint64_t name_table_tick(void);

/* What has been written until now is not seen any more. */
void name_table_forget(void);

/* Whether a name was ever forgotten, pushed out by others, or not written: not one that its thread
 * superseded. */
bool name_table_has_lost(void);

struct name_key {
    uint64_t address[2];
    uint32_t port;
    size_t start; /* where probing begins */
};

struct name_key name_key_of(const struct wire_address *address);

/* Whose lookup an entry is; see lineage.h. */
struct name_asker {
    uint64_t thread, process;
};

/* One entry as it was at one moment. */
struct name_seen {
    size_t next; /* where name_table_next() goes on; 0 at first */
    struct entry *entry;
    uint32_t sequence;
    uint32_t port;
    uint64_t stamp, first; /* of the latest lookup, and of the first */
    uint64_t thread, process;
    uint64_t address[2];
};

/* The next entry of the key's address and `port`. False where there is none further. */
bool name_table_next(const struct name_key *key, uint32_t port, struct name_seen *seen);

/* Reads an entry's name. False where the entry has changed since it was seen: then all is to be looked at
 * anew. */
bool name_table_read(const struct name_seen *seen, char name[NAME_LIMIT]);

/* Whether its thread has asked for another name of the same address and port since. */
bool name_table_superseded(const struct name_key *key, const struct name_seen *seen);

/*
 * Writes one lookup: into the entry with the same address, port, thread and name, else one never used, else
 * the oldest that its thread has superseded, else the oldest. `name` is padded with NULs.
 */
void name_table_write(const struct name_key *key, const struct name_asker *asker, uint64_t stamp,
                      const char name[NAME_LIMIT]);

/* ASCII letters' case aside: the only case-insensitivity that DNS has (RFC 4343), in any locale. */
char name_lower(char c);
bool same_name(const char *a, const char *b);

#endif
