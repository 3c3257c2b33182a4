/* Opens the files that a policy names, as the program itself could open them. */
#ifndef RETROTLS_MONITOR_FILES_OPEN_NAMED_H
#define RETROTLS_MONITOR_FILES_OPEN_NAMED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "monitor/files/credentials.h"
#include "monitor/files/named_files.h"

enum {
    NAMED_FILE_LIMIT = 64 << 20, /* bytes; Debian's bundle of roots has a quarter of a MiB */
};

/*
 * Opens a regular file for reading. Returns its descriptor, or -1 with `*error`: an errno,
 * MONITOR_NOT_REGULAR, ...
 */
int open_named(const struct credentials *rights, const char *path, int *error);

/* Whether others than its owner and group may read a private key in the open file, or its group write it. */
bool named_is_exposed(int fd);

/* Reads the file into the page cache. If its server does not answer, we hang here and not in a later read. */
void read_ahead(int fd);

/* Reads the state of the file or folder: all 0 if there is none that we can see. */
void state_of_named(const char *path, struct file_state *state);

/*
 * Opens the certificates or CRLs under `hash` in the folder `path`, as c_rehash(1) names them (HASH.0,
 * HASH.1, ...; HASH.r0, ...). Stores up to `limit` descriptors in `files`, and returns their number.
 */
size_t open_hashed(const struct credentials *rights, const char *path, uint32_t hash, enum monitor_roots kind,
                   int *files, size_t limit);

#endif
