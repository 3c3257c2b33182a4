/*
 * Text without stdio, malloc or locale: a builder that never writes past its end, and the few ASCII
 * questions that the policy language asks.
 */
#ifndef RETROTLS_POLICY_TEXT_H
#define RETROTLS_POLICY_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Always NUL-terminated within `size` (at least 1); `cut` tells that something did not fit. */
struct text {
    char *at;
    size_t size, length;
    bool cut;
};

struct text text_in(char *buffer, size_t size);
void text_add(struct text *text, const char *string);
void text_add_bytes(struct text *text, const char *bytes, size_t length);
void text_add_number(struct text *text, uint64_t number);
/* At most `limit` bytes of `string`; what is not printable ASCII becomes '?', and what is cut off "...". */
void text_add_clean(struct text *text, const char *string, size_t limit);
/* Forgets all after `length` bytes. */
void text_cut_back(struct text *text, size_t length);

char lower(char c);
bool is_digit(char c);
bool is_letter(char c);
/* ASCII letters' case aside. */
bool same_word(const char *a, const char *b);

/*
 * The decimal number that is all of `string`; false where it is none, or above `limit`. Then, if
 * `too_large` is given, it tells whether it is a number nonetheless.
 */
bool read_number(const char *string, uint32_t limit, uint32_t *number, bool *too_large);

/*
 * The entry of `words` (NULL at its end) that `word` was most likely meant to be, or NULL: the smallest
 * number of letters added, left out, changed or swapped with their neighbour, at most 2 and fewer than half
 * of them. `distance`, where not NULL, gets that number.
 */
const char *nearest_word(const char *word, const char *const *words, unsigned *distance);

#endif
