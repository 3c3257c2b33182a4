/* The files that a name without a slash may mean, in the order of PATH (execvp(3)). */
#ifndef RETROTLS_PRELOAD_SYS_PATH_SEARCH_H
#define RETROTLS_PRELOAD_SYS_PATH_SEARCH_H

#include <limits.h>
#include <stdbool.h>

struct path_search {
    const char *next; /* the rest of PATH; NULL: nothing is left */
    const char *file;
};

/* Starts with this process's own PATH, or libc's default. A file with a slash is its own only candidate. */
void path_search_start(struct path_search *search, const char *file);

/* Writes the next candidate to `path`; false if there is none. Passes over those that are too long. */
bool path_search_next(struct path_search *search, char path[PATH_MAX]);

#endif
