/*
 * Converts a host name that a program asked for in UTF-8 to its form in the DNS (RFC 5890, 2.3.2.1), which a
 * policy's `host` is compared with. The library has no Unicode tables: it lowers only Latin, Greek and
 * Cyrillic letters, and accents must be composed, as keyboards write them.
 */
#ifndef RETROTLS_POLICY_ALABEL_H
#define RETROTLS_POLICY_ALABEL_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Writes the name of `length` bytes to `out` of `size` bytes, in lower case and NUL-terminated. False if it
 * is not UTF-8, or too long.
 */
bool alabel_from(char *out, size_t size, const char *name, size_t length);

#endif
