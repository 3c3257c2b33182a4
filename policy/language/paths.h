/* Files that a policy names. */
#ifndef RETROTLS_POLICY_LANGUAGE_PATHS_H
#define RETROTLS_POLICY_LANGUAGE_PATHS_H

#include <stdbool.h>

#include "policy/language/errors.h"
#include "policy/policy.h"

/*
 * Whether `path` is what the setting `key` needs: a readable regular file that holds what it must in PEM form
 * (a private key that not everybody may read), a folder, or for a log a path in a folder. False: told.
 *
 * Whether a key belongs to its certificate needs OpenSSL: the relay says so, and `retrotls check`.
 */
bool path_check(struct errors *errors, const struct place *place, enum policy_setting key, const char *path);

/*
 * Whether the file of a client-cert holds its private key too, in PEM form; false also where it cannot be
 * read. Told where everybody may read it.
 */
bool path_has_key(struct errors *errors, const struct place *place, const char *path);

#endif
