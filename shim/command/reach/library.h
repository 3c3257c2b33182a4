/*
 * Finds the libretrotls.so that fits a program, and checks whether the program's own loader accepts it.
 *
 * We look in these places, and take the first library that fits the program's machine and C library. COMMAND
 * is the folder of the command itself:
 *
 *   COMMAND/libretrotls.so                        the build tree: beside the command
 *   COMMAND/lib32/libretrotls.so                  its 32-bit build
 *   COMMAND/musl/libretrotls.so                   its build for musl
 *   COMMAND/musl32/libretrotls.so
 *   COMMAND/../lib/<triplet>/libretrotls.so       installed: Debian's folders
 *   COMMAND/../lib64/libretrotls.so               other distributions' folders
 *   COMMAND/../lib32/libretrotls.so
 *   COMMAND/../lib/libretrotls.so
 *   COMMAND/../lib/retrotls/libretrotls.so        where the loader does not search by itself
 *   COMMAND/../lib/retrotls/<any>/libretrotls.so
 *
 * If the library is in a folder that glibc's loader calls $LIB, LD_PRELOAD gets the path with $LIB, so that
 * children of the other class (32 or 64 bits) get their own library.
 */
#ifndef RETROTLS_COMMAND_REACH_LIBRARY_H
#define RETROTLS_COMMAND_REACH_LIBRARY_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include "command/reach/ld_so.h"
#include "command/reach/target.h"

enum { LIBRARY_WHY_LIMIT = 4 * PATH_MAX };

struct library {
    char path[PATH_MAX];         /* the file */
    char preload[PATH_MAX];      /* the value for LD_PRELOAD */
    struct ld_so_answer listing; /* all that the loader loads for the program, this library included */
};

/*
 * Finds the library for `target`, which must be within reach, and has the target's loader load both, without
 * running any of the target's code (the loader's --list: 1 ms, 3 ms for a program with 40 libraries). On
 * failure returns false and explains it in `why`, in a sentence or two.
 */
bool library_find(struct library *library, const struct target *target, char why[LIBRARY_WHY_LIMIT]);

/*
 * Returns the value for LD_PRELOAD, allocated: the library first, then what `earlier` (or NULL) names, except
 * any other libretrotls.so. NULL if there is no memory.
 *
 * The library comes first because our connect() must call that of a proxy's preload (proxychains, torsocks).
 * After it, we would only see a connection to the proxy, and the one to the mail server would pass unguarded.
 */
char *library_preload(const struct library *library, const char *earlier);

#endif
