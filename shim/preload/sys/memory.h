/*
 * Accesses the program's memory by pointers that the program gave. Where a system call would return EFAULT,
 * the library must not crash.
 */
#ifndef RETROTLS_PRELOAD_SYS_MEMORY_H
#define RETROTLS_PRELOAD_SYS_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Each copies `size` bytes; false if part of the program's memory cannot be read or written. Keeps errno. */
bool memory_read(void *to, const void *from, size_t size);
bool memory_write(void *to, const void *from, size_t size);

/*
 * Whether a byte can be read. For a process that may have a system call filter of its own, about to start
 * another program: this needs rt_sigprocmask(2) only. Keeps errno.
 */
bool memory_is_readable(const void *address);

/* False if no program can have memory at the address (mmap_min_addr). Makes no system call. */
static inline bool memory_is_plausible(const void *address)
{
    enum { LOWEST_ADDRESS = 4096 };

    return (uintptr_t)address >= LOWEST_ADDRESS;
}

/*
 * Copies what can be read of `size` bytes, and zeroes the rest of `to`: setsockopt(2) reads as many bytes as
 * an option has, whatever the length says. False if not even the first byte can be read.
 */
bool memory_read_some(void *to, const void *from, size_t size);

#endif
