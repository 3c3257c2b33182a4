/*
 * Why a connection could not be upgraded: words for a person, made where the cause is known, carried up
 * untouched, and said once (in the failure greeting and in the log).
 *
 * All texts stand in one table (failure_texts.h). Whatever comes from outside (server, certificate, DNS,
 * OpenSSL) goes through clean_text() before it enters one: fail() sees to it.
 */
#ifndef RETROTLS_RELAY_FAILURE_H
#define RETROTLS_RELAY_FAILURE_H

#include <stdbool.h>
#include <stddef.h>

#include "relay/failure_texts.h"

enum {
    FAILURE_LIMIT = 400,    /* bytes of a failure's text, with its NUL: one line of a greeting */
    CLEAN_FIELD_LIMIT = 64, /* bytes of one word from outside */
};

#define FAILURE_KIND(kind, text) kind,
enum failure_kind { FAILURE_NONE, FAILURES(FAILURE_KIND) FAILURE_KINDS };
#undef FAILURE_KIND

struct failure {
    enum failure_kind kind;   /* FAILURE_NONE: none */
    char text[FAILURE_LIMIT]; /* "" : none */
};

/*
 * Sets `why` to the text of `kind`, each `%s` in it replaced by the next of the words that follow: strings,
 * not NULL, of any content; each is cleaned. A word too few reads as "?". `why` keeps what it is told first:
 * where it already holds a failure, nothing changes.
 */
#define fail(why, kind, ...) fail_with(why, kind, (const char *const[]){__VA_ARGS__, NULL})
void fail_with(struct failure *why, enum failure_kind kind, const char *const words[]);

/* The table, for whoever walks it: a kind's format and name ("FAILURE_TIMEOUT"); "" for FAILURE_NONE. */
const char *failure_format(enum failure_kind kind);
const char *failure_name(enum failure_kind kind);

/*
 * Copies `from` (`length` bytes, any content) to `to` of `size` bytes: bytes outside 0x20-0x7E, '"' and '\'
 * become '?'; cut at CLEAN_FIELD_LIMIT bytes or `size` - 1, whichever is less. Always NUL-terminates.
 * Returns `to`.
 */
char *clean_text(char *to, size_t size, const char *from, size_t length);

#endif
