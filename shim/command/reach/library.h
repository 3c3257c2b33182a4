/*
 * The libretrotls.so that fits a program, and whether the program's own loader takes it.
 *
 * Where it is looked for, the first that fits the program's machine and C library winning; COMMAND is the
 * folder that the command itself is in:
 *
 *   COMMAND/libretrotls.so            the build tree: beside the command
 *   COMMAND/lib32/libretrotls.so        its 32-bit build
 *   COMMAND/musl/libretrotls.so         its build for musl
 *   COMMAND/musl32/libretrotls.so
 *   COMMAND/../lib/<triplet>/libretrotls.so     installed: Debian's folders
 *   COMMAND/../lib64/libretrotls.so               other distributions'
 *   COMMAND/../lib32/libretrotls.so
 *   COMMAND/../lib/libretrotls.so
 *   COMMAND/../lib/retrotls/libretrotls.so      for what the loader should not search by itself
 *   COMMAND/../lib/retrotls/<any>/libretrotls.so
 *
 * Of a library installed in a folder that glibc's loader calls $LIB, LD_PRELOAD gets the path with $LIB, so
 * that a program's children of the other class get theirs.
 */
#ifndef RETROTLS_COMMAND_REACH_LIBRARY_H
#define RETROTLS_COMMAND_REACH_LIBRARY_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include "command/reach/target.h"

enum { LIBRARY_WHY_LIMIT = 4 * PATH_MAX };

struct library {
    char path[PATH_MAX];    /* the file */
    char preload[PATH_MAX]; /* what LD_PRELOAD is to say */
};

/*
 * Finds the library for `target`, which must be within reach, and has the target's loader load both, without
 * running anything of the target (the loader's --list: 1 ms, 3 ms for a program with 40 libraries). False
 * with `why` set (a sentence or two).
 */
bool library_find(struct library *library, const struct target *target, char why[LIBRARY_WHY_LIMIT]);

/*
 * The value for LD_PRELOAD: the library first, then what `earlier` (or NULL) names, but for any other
 * libretrotls.so. Allocated; NULL where memory is short.
 *
 * First, because a proxy's preload (proxychains, torsocks) must be what our connect() calls: behind it, we
 * would see a connection to the proxy alone, and the mail server's would pass unguarded.
 */
char *library_preload(const struct library *library, const char *earlier);

#endif
