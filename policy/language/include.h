/*
 * `include FILE-or-glob` includes the file, or all files that fit the pattern, ordered by name (as bytes);
 * hidden files only if the pattern begins with a dot. The pattern may match no file, but the folder must
 * exist.
 *
 * Each file has its own defaults: settings before its first `match` are for its own blocks, and override the
 * defaults of the file that includes it. A file without blocks adds its settings to the defaults of the file
 * that includes it, which must not have had a block yet.
 *
 * After an `include` that brought in blocks, settings need a `match` line of their own first.
 */
#ifndef RETROTLS_POLICY_LANGUAGE_INCLUDE_H
#define RETROTLS_POLICY_LANGUAGE_INCLUDE_H

#include "policy/language/loader.h"

/* Includes what `word` names. False if something could not be read; the error has been reported. */
bool include(struct loader *loader, const struct word *word);

#endif
