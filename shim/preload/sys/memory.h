/*
 * The program's memory by pointers that it gave: where a system call would say EFAULT, the library must not
 * crash.
 */
#ifndef RETROTLS_PRELOAD_SYS_MEMORY_H
#define RETROTLS_PRELOAD_SYS_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Each copies `size` bytes; false where the program's memory is not all there to be read or written. Keeps
 * errno. */
bool memory_read(void *to, const void *from, size_t size);
bool memory_write(void *to, const void *from, size_t size);

/* Without a system call: false for what no program can have memory at (mmap_min_addr). */
static inline bool memory_is_plausible(const void *address)
{
    enum { LOWEST_ADDRESS = 4096 };

    return (uintptr_t)address >= LOWEST_ADDRESS;
}

/*
 * Copies what can be read of `size` bytes, and zeroes the rest of `to`: setsockopt(2) looks at as many bytes
 * as an option has, whatever the length says. False where not even the first byte can be read.
 */
bool memory_read_some(void *to, const void *from, size_t size);

#endif
