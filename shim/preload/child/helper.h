/*
 * A helper, retrotls-supervise, starts the programs that the library is not loaded into, or whose connections
 * it does not see. The helper puts itself under a supervisor, and becomes the program in the same process
 * (supervise/become/become.h).
 *
 * Safe in a signal handler and in a child of vfork(2).
 */
#ifndef RETROTLS_PRELOAD_CHILD_HELPER_H
#define RETROTLS_PRELOAD_CHILD_HELPER_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

/* True if a supervisor serves this process already, and so all that it starts. Keeps errno. */
bool helper_is_needless(void);

/*
 * Finds the helper beside the library, or where it was installed, if this kernel lets one process supervise
 * another. `library`: the file that LD_PRELOAD names, or "". Keeps errno.
 */
bool helper_find(const char *library, char helper[PATH_MAX]);

/* How many pointers helper_arguments() writes. */
size_t helper_count(char *const argv[]);
/* Writes the arguments that make the helper become the program at `path` with the arguments `argv`. */
void helper_arguments(char *made[], const char *path, char *const argv[]);

#endif
