/*
 * Finds files beside this command, or at a place relative to it, and checks whether we can trust them
 * (policy/trust.h).
 */
#ifndef RETROTLS_COMMAND_REACH_BESIDE_H
#define RETROTLS_COMMAND_REACH_BESIDE_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/trust.h"

enum { BESIDE_PATH = PATH_MAX + 64 };

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
 * True if we can trust the file at `path`, which begins with the command's folder: both the file and the
 * folders on the way. We trust everything if the command is in the folder that was given to `make install`.
 * On Debian, the group staff may write to /usr/local, and that was the installer's decision.
 */
bool beside_trusts(struct beside *beside, const char *path);

/* Writes a sentence about what we did not trust; "" if we trusted everything. */
void beside_describe(const struct beside *beside, char *words, size_t size);

/*
 * Finds our own program `name`, in the command's folder or in the place relative to it where `make install`
 * puts it. On failure returns false and sets `words` to a sentence with the reason and advice.
 */
bool beside_program(const char *name, char path[BESIDE_PATH], char *words, size_t size);

#endif
