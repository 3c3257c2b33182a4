/*
 * Text without stdio, malloc or locale: a builder that never writes past its end, and the few ASCII tests
 * that the policy language needs.
 */
#ifndef RETROTLS_POLICY_TEXT_H
#define RETROTLS_POLICY_TEXT_H

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
/* Drops everything after the first `length` bytes. */
void text_cut_back(struct text *text, size_t length);

char lower(char c);
bool is_digit(char c);
bool is_letter(char c);
/* Ignores the case of ASCII letters. */
bool same_word(const char *a, const char *b);

/*
 * Reads a decimal number that makes up all of `string`; false if it is not one, or exceeds `limit`.
 * `*too_large`, if given, tells the second case from the first.
 */
bool read_number(const char *string, uint32_t limit, uint32_t *number, bool *too_large);

/*
 * Returns the entry of `words` (which ends with NULL) that `word` was most likely meant to be, or NULL: the
 * one with the fewest letters added, left out, changed or swapped with a neighbour, at most 2 and fewer than
 * half of them. `distance`, if not NULL, gets that number.
 */
const char *nearest_word(const char *word, const char *const *words, unsigned *distance);

#endif
