/* Asking a program's own loader what it would load (ld.so(8), --list), without running the program. */
#ifndef RETROTLS_COMMAND_REACH_LD_SO_H
#define RETROTLS_COMMAND_REACH_LD_SO_H

#include <stdbool.h>
#include <stddef.h>

enum { LD_SO_SECONDS = 20, LD_SO_OUTPUT_LIMIT = 1 << 18 };

struct ld_so_answer {
    int status;                      /* exit status; -1: killed, or it did not answer in time */
    int error;                       /* errno where it could not be started, else 0 */
    char output[LD_SO_OUTPUT_LIMIT]; /* what it printed to both, NUL-terminated, cut off at the limit */
};

/*
 * Runs `loader --list program` with LD_PRELOAD set to `preload` (or NULL) and, of the other variables that
 * the loader heeds, only LD_LIBRARY_PATH as it is.
 */
void ld_so_list(struct ld_so_answer *answer, const char *loader, const char *program, const char *preload);

/* Calls `each` for each file in the answer, with its path. */
void ld_so_each_file(const struct ld_so_answer *answer, void (*each)(void *context, const char *path),
                     void *context);

#endif
