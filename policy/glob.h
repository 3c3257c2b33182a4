/* Patterns: '*' is any number of bytes (none, and '/' and '.' too), '?' is one byte; nothing else is special.
 */
#ifndef RETROTLS_POLICY_GLOB_H
#define RETROTLS_POLICY_GLOB_H

#include <stdbool.h>

/* Time at most proportional to the product of both lengths. */
bool glob_fits(const char *pattern, const char *text);
/* Whether `text` has a '*' or '?'. */
bool is_pattern(const char *text);

#endif
