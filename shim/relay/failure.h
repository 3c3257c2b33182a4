/*
 * Why a connection could not be upgraded: words for a person, made where the cause is known, carried up
 * untouched, and said once (in the failure greeting and in the log).
 *
 * All texts stand in one table (failure.c). Whatever comes from outside (server, certificate, DNS, OpenSSL)
 * goes through clean_text() before it enters one.
 */
#ifndef RETROTLS_RELAY_FAILURE_H
#define RETROTLS_RELAY_FAILURE_H

#include <stdbool.h>
#include <stddef.h>

enum {
    FAILURE_LIMIT = 400,    /* bytes of a failure's text, with its NUL: one line of a greeting */
    CLEAN_FIELD_LIMIT = 64, /* bytes of one word from outside */
};

struct failure {
    int kind;                 /* enum failure_kind in failure.c's table; 0: none */
    char text[FAILURE_LIMIT]; /* "" : none */
};

/*
 * Copies `from` (`length` bytes, any content) to `to` of `size` bytes: bytes outside 0x20-0x7E, '"' and '\'
 * become '?'; cut at CLEAN_FIELD_LIMIT bytes or `size` - 1, whichever is less. Always NUL-terminates.
 * Returns `to`.
 */
char *clean_text(char *to, size_t size, const char *from, size_t length);

#endif
