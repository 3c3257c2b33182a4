/* Checks the files that a policy names. */
#ifndef RETROTLS_POLICY_LANGUAGE_PATHS_H
#define RETROTLS_POLICY_LANGUAGE_PATHS_H

#include <stdbool.h>

#include "policy/language/errors.h"
#include "policy/policy.h"

/*
 * Whether `path` is what the setting `key` needs: a readable regular file with the right PEM content (and,
 * for a private key, not readable by everybody), a folder, or for a log a path in a folder. If it is not, the
 * error is reported. True also if `way` does not let us know.
 *
 * To see whether a key belongs to its certificate takes OpenSSL: the relay and `retrotls check` do that.
 */
bool path_check(struct errors *errors, const struct policy_way *way, const struct place *place,
                enum policy_setting key, const char *path);

/*
 * Whether the file of a client-cert also holds its private key in PEM form; false also if it cannot be read.
 * Reports a key that everybody may read. True also if `way` does not let us know.
 */
bool path_has_key(struct errors *errors, const struct policy_way *way, const struct place *place,
                  const char *path);

#endif
