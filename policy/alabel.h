/*
 * A host name as the DNS has it, from one that a program asked for in UTF-8 (RFC 5890, 2.3.2.1): what a
 * policy's `host` is compared with. The library has no tables of Unicode: upper case is known of Latin, Greek
 * and Cyrillic letters alone, and accents have to be composed, as keyboards write them.
 */
#ifndef RETROTLS_POLICY_ALABEL_H
#define RETROTLS_POLICY_ALABEL_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Writes the name of `length` bytes to `out` of `size`, in lower case and NUL-terminated. False where it is
 * no UTF-8, or too long.
 */
bool alabel_from(char *out, size_t size, const char *name, size_t length);

#endif
