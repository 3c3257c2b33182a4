/*
 * What lies beside this command, or relative to it, and whether it can be trusted (policy/trust.h).
 */
#ifndef RETROTLS_COMMAND_BESIDE_H
#define RETROTLS_COMMAND_BESIDE_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/trust.h"

struct beside {
    char folder[PATH_MAX]; /* that the command is in */
    uint32_t user;         /* who is trusted besides root */
    /* The first file that was not, and for the sake of what: itself, or a folder on the way to it. */
    enum trust trust; /* TRUST_GIVEN: there was none */
    char file[PATH_MAX], cause[PATH_MAX];
};

/* False with errno set where it cannot be told where the command is. */
bool beside_start(struct beside *beside);

/*
 * Whether the file at `path`, which begins with the command's folder, can be trusted: it, and the folders on
 * the way. In the folder that `make install` was told everything is: that of Debian's /usr/local may be
 * written to by the group staff, and whoever installed there has decided about that.
 */
bool beside_trusts(struct beside *beside, const char *path);

/* A sentence about what was not trusted; "" where nothing was. */
void beside_tell(const struct beside *beside, char *words, size_t size);

#endif
