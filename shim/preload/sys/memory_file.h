/* A file in memory (memfd_create(2), Linux 3.17), which other processes can be given. */
#ifndef RETROTLS_PRELOAD_SYS_MEMORY_FILE_H
#define RETROTLS_PRELOAD_SYS_MEMORY_FILE_H

#include <stddef.h>

/*
 * Makes one of `size` bytes that can be sealed. `name` shows in /proc. Returns its descriptor, which closes
 * on exec, or -1 with errno set.
 */
int memory_file(const char *name, size_t size);

#endif
