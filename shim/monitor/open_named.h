/*
 * Files that a policy names, opened as the program could open them.
 */
#ifndef RETROTLS_MONITOR_OPEN_NAMED_H
#define RETROTLS_MONITOR_OPEN_NAMED_H

#include <stddef.h>
#include <stdint.h>

#include "monitor/credentials.h"
#include "monitor/messages.h"

enum {
    NAMED_FILE_LIMIT = 64 << 20, /* bytes; Debian's bundle of roots has a quarter of one MiB */
};

/* Opens a regular file for reading. Its descriptor, or -1 with `*error`: an errno or MONITOR_NOT_REGULAR, ...
 */
int open_named(const struct credentials *rights, const char *path, int *error);

/* The state of the file or folder, all 0 where there is none that can be seen. */
void state_of_named(const char *path, struct file_state *state);

/*
 * The certificates or CRLs of the folder `path` under the hash `hash`, as c_rehash(1) names them (HASH.0,
 * HASH.1, ...; HASH.r0, ...): up to `limit` descriptors into `files`. How many there are.
 */
size_t open_hashed(const struct credentials *rights, const char *path, uint32_t hash, enum monitor_roots kind,
                   int *files, size_t limit);

#endif
