/*
 * A table in memory that processes share. It uses open addressing and no locks, so a signal handler may use
 * it, and a process that is killed while it writes loses one record at most.
 *
 * Each record has a sequence number, which is odd while the record is being written. A writer claims a record
 * by making its sequence odd, and never waits. Every field is an atomic. A reader loads the sequence, the
 * fields, and the sequence again; acquire loads keep that order without a fence.
 */
#ifndef RETROTLS_PRELOAD_NAMES_RECORDS_H
#define RETROTLS_PRELOAD_NAMES_RECORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    RECORD_KEYS = 4,
    RECORD_TEXT = 256,   /* bytes, with the NUL */
    RECORD_WINDOW = 256, /* records in a level that share one place */
    RECORD_GROWTH = 8,   /* how much larger a level is than the one before */
};

struct record {
    _Alignas(64) _Atomic uint32_t sequence; /* 0: never used; odd: being written */
    _Atomic uint64_t stamp;
    _Atomic uint64_t key[RECORD_KEYS]; /* the first two decide the record's place */
    _Atomic uint64_t text[RECORD_TEXT / 8];
};

/*
 * The levels lie one after another. A record goes into the next level only if its windows in the levels
 * before are full, so that a program that needs few records touches few pages.
 */
struct records {
    struct record *record; /* initially zero */
    size_t count;          /* of the first level: a power of two, RECORD_WINDOW at least */
    unsigned levels;
};

/* The number of records in all levels. */
size_t records_total(size_t count, unsigned levels);

/* A record as it was at one moment. */
struct record_seen {
    size_t next; /* where records_next() goes on; 0 at first */
    struct record *record;
    uint32_t sequence;
    uint64_t stamp;
    uint64_t key[RECORD_KEYS];
};

/* Finds the next record whose first two key words equal `key`. False if there are no more. */
bool records_next(const struct records *records, const uint64_t key[2], struct record_seen *seen);

/*
 * Reads the text, which ends in a NUL whatever another process has written. False if the record has changed
 * since it was seen: then start over.
 */
bool records_text(const struct record_seen *seen, char text[RECORD_TEXT]);

/*
 * Writes a record; `text` must be padded with zeroes. A record with equal keys and the same text (same_name)
 * only gets the later stamp. Otherwise the new record takes an unused place, or that of the oldest in its
 * windows. `lose` is called before the old record goes, and may be called for one that stays after all. False
 * if nothing was written because others kept writing.
 */
bool records_write(const struct records *records, const uint64_t key[RECORD_KEYS],
                   const char text[RECORD_TEXT], uint64_t stamp,
                   void (*lose)(void *context, const struct record_seen *victim), void *context);

/* The place of `key`, from 0 to `count` - 1; `count` is a power of two, at most 2^32. */
size_t records_place(const uint64_t key[2], size_t count);

/* Host names are compared without regard to the case of ASCII letters (RFC 4343), in any locale. */
char name_lower(char c);
bool same_name(const char *a, const char *b);

#endif
