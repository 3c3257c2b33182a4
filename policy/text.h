/* Text without stdio, malloc or locale: the builder, and the ASCII tests that the policy language needs. */
#ifndef RETROTLS_POLICY_TEXT_H
#define RETROTLS_POLICY_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/text_builder.h"

char lower(char c);
bool is_digit(char c);
bool is_letter(char c);
/* Ignores the case of ASCII letters. */
bool same_word(const char *a, const char *b);

/*
 * Reads a decimal number that makes up all of `string`; false if it is not one, or exceeds `limit`. Unless it
 * is NULL, `*too_large` says whether that is the reason.
 */
bool read_number(const char *string, uint32_t limit, uint32_t *number, bool *too_large);

/*
 * Returns the entry of `words` (which ends with NULL) that `word` was most likely meant to be, or NULL: the
 * one with the fewest letters added, left out, changed or swapped with a neighbour, at most 2 and fewer than
 * half of them. `distance`, if not NULL, gets that number.
 */
const char *nearest_word(const char *word, const char *const *words, unsigned *distance);

#endif
