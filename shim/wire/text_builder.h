/* Builds text in a buffer, without stdio, malloc or locale, and never writes past its end. */
#ifndef RETROTLS_WIRE_TEXT_BUILDER_H
#define RETROTLS_WIRE_TEXT_BUILDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Always NUL-terminated within `size` (at least 1); `cut` is set if something did not fit. */
struct text {
    char *at;
    size_t size, length;
    bool cut;
};

struct text text_in(char *buffer, size_t size);
void text_add(struct text *text, const char *string);
void text_add_bytes(struct text *text, const char *bytes, size_t length);
void text_add_number(struct text *text, uint64_t number);
/*
 * Adds at most `limit` bytes of `string`. A byte that is not printable ASCII becomes '?'; "..." marks a cut.
 */
void text_add_clean(struct text *text, const char *string, size_t limit);
/* Adds at most `limit` bytes of `string`, cleaned so that they can stand between quotes (CLEAN_QUOTABLE). */
void text_add_quotable(struct text *text, const char *string, size_t limit);
/* Drops everything after the first `length` bytes. */
void text_cut_back(struct text *text, size_t length);

#endif
