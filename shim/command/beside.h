/* Files beside this command, or in a place relative to it, and whether we can trust them (policy/trust.h). */
#ifndef RETROTLS_COMMAND_BESIDE_H
#define RETROTLS_COMMAND_BESIDE_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/trust.h"

struct beside {
    char folder[PATH_MAX]; /* the folder of the command */
    uint32_t user;         /* the user we trust besides root */
    /* The first file that we did not trust, and the cause: the file itself, or a folder on the way to it. */
    enum trust trust; /* TRUST_GIVEN: no such file */
    char file[PATH_MAX], cause[PATH_MAX];
};

/* False with errno if we cannot tell where the command is. */
bool beside_start(struct beside *beside);

/*
 * Whether we can trust the file at `path`, which begins with the command's folder: the file itself, and the
 * folders on the way. If the command is in the folder given to `make install`, we trust everything: on
 * Debian, the group staff may write to /usr/local, and that was up to whoever installed there.
 */
bool beside_trusts(struct beside *beside, const char *path);

/* Writes a sentence about what we did not trust; "" if there was nothing. */
void beside_tell(const struct beside *beside, char *words, size_t size);

#endif
