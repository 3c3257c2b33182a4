/* Asks a program's own loader what it would load (ld.so(8), --list), without running the program. */
#ifndef RETROTLS_COMMAND_REACH_LD_SO_H
#define RETROTLS_COMMAND_REACH_LD_SO_H

#include <stdbool.h>
#include <stddef.h>

enum { LD_SO_SECONDS = 20, LD_SO_OUTPUT_LIMIT = 1 << 18 };

struct ld_so_answer {
    int status;                      /* exit status; -1: it was killed, or did not answer in time */
    int error;                       /* errno if we could not start it, else 0 */
    char output[LD_SO_OUTPUT_LIMIT]; /* its output and errors, NUL-terminated, cut at the limit */
};

/*
 * Runs `loader --list program` with LD_PRELOAD set to `preload` (or NULL). The only other variable of the
 * loader's that we pass on is LD_LIBRARY_PATH.
 */
void ld_so_list(struct ld_so_answer *answer, const char *loader, const char *program, const char *preload);

/* Calls `each` with the path of each file in the answer. */
void ld_so_each_file(const struct ld_so_answer *answer, void (*each)(void *context, const char *path),
                     void *context);

#endif
