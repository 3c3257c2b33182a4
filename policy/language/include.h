/*
 * `include FILE-or-glob`: the file, or all that fit the pattern in the order of their names (bytes); hidden
 * ones only where the pattern begins with a dot. No file may fit, but the folder must exist.
 *
 * Each file has its own defaults: what stands before its first `match` is for its own blocks, above the
 * defaults of the file that includes it. A file without blocks gives its settings to the defaults of the file
 * that includes it, which must not have had a block before.
 *
 * Behind an `include` that brought blocks, settings need a `match` line of their own first.
 */
#ifndef RETROTLS_POLICY_LANGUAGE_INCLUDE_H
#define RETROTLS_POLICY_LANGUAGE_INCLUDE_H

#include "policy/language/loader.h"

/* `word`: what is to be included. False where something could not be read, which is told. */
bool include(struct loader *loader, const struct word *word);

#endif
