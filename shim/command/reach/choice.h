/* How a program is guarded: by a library preloaded into it, by a supervisor beside it, or by both. */
#ifndef RETROTLS_COMMAND_REACH_CHOICE_H
#define RETROTLS_COMMAND_REACH_CHOICE_H

#include "command/reach/library.h"
#include "command/reach/target.h"
#include "wire/settings.h"

enum way { WAY_NONE, WAY_PRELOAD, WAY_SUPERVISE, WAY_BOTH };

struct choice {
    enum way way;
    /*
     * For WAY_NONE: why the program cannot be guarded, in sentences with advice. For WAY_SUPERVISE and
     * WAY_BOTH: a sentence that says why the library alone would not do; "" if that was not the question.
     */
    char why[LIBRARY_WHY_LIMIT];
    struct library library; /* for WAY_PRELOAD and WAY_BOTH */
};

/*
 * Chooses how to guard `target`, the program that argv[0] names. `wanted` is the choice of the user or the
 * policy. We do not find out here whether this machine can supervise a program: that shows when we try.
 *
 * REACH_AUTO prefers the library, because it knows the names that a program looks up. It chooses the
 * supervisor if the library does not see the connections, or may not: for static programs, Go, Free Pascal,
 * and programs that look up names but do not import connect(). For a program that links liburing it chooses
 * both.
 */
void choose(struct choice *choice, const struct target *target, char *const argv[], enum reach wanted);

#endif
