/* `include FILE-or-glob` */
#ifndef RETROTLS_POLICY_INCLUDE_H
#define RETROTLS_POLICY_INCLUDE_H

#include "policy/loader.h"

/*
 * Reads the file, or all that fit the pattern in the order of their names (bytes); hidden ones only where the
 * pattern begins with a dot. No file may fit, but the folder must exist.
 *
 * Before the first `match`, the files' settings join the defaults. Behind it, the block before ends, and each
 * file's settings before its own first `match` are defaults for its own blocks, above those of the file that
 * includes it.
 *
 * False where something could not be read, which is told.
 */
bool include(struct loader *loader, const struct word *word);

#endif
