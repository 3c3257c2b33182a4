/*
 * Why a connection could not be upgraded, in words for a person. The text is made where the cause is known,
 * passed up unchanged, and reported once, in the failure greeting and in the log.
 *
 * All texts are in one table (failure_texts.h). fail() passes every word from outside (server, certificate,
 * DNS, OpenSSL) through clean_text() before putting it into a text.
 */
#ifndef RETROTLS_RELAY_PROTOCOL_FAILURE_H
#define RETROTLS_RELAY_PROTOCOL_FAILURE_H

#include <stdbool.h>
#include <stddef.h>

#include "relay/protocol/failure_texts.h"

enum {
    FAILURE_LIMIT = 480, /* bytes of a failure's text, with its NUL; fits in a greeting of GREETING_LIMIT */
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
 * Sets `why` to the text of `kind`. Each `%s` in it is replaced by the next of the words that follow:
 * strings, not NULL, of any content, which are cleaned. A missing word reads as "?". If `why` already holds a
 * failure it is left unchanged.
 */
#define fail(why, kind, ...) fail_with(why, kind, (const char *const[]){__VA_ARGS__, NULL})
void fail_with(struct failure *why, enum failure_kind kind, const char *const words[]);

/* A kind's format and its name ("FAILURE_TIMEOUT"), for code that walks the table; "" for FAILURE_NONE. */
const char *failure_format(enum failure_kind kind);
const char *failure_name(enum failure_kind kind);

/*
 * One word for a failure's text: copies `from` (`length` bytes, any content) to `to` of `size` bytes, cleaned
 * as CLEAN_QUOTABLE (wire/clean.h). The copy is cut at CLEAN_FIELD_LIMIT bytes or `size` - 1, whichever is
 * less, and always NUL-terminated. Returns `to`.
 */
char *clean_text(char *to, size_t size, const char *from, size_t length);

#endif
