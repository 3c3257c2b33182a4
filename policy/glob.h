/* Patterns: '*' matches any bytes (or none; also '/' and '.'), '?' one byte. Nothing else is special. */
#ifndef RETROTLS_POLICY_GLOB_H
#define RETROTLS_POLICY_GLOB_H

#include <stdbool.h>

/* Takes time proportional to the product of both lengths at most. */
bool glob_fits(const char *pattern, const char *text);
/* Whether `text` contains a '*' or a '?'. */
bool is_pattern(const char *text);

#endif
