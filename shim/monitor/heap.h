/* The heap: one for all threads. It wipes what OpenSSL frees. */
#ifndef RETROTLS_MONITOR_HEAP_H
#define RETROTLS_MONITOR_HEAP_H

#include <stdbool.h>
#include <stddef.h>

/* Call it first of all, before there are threads and before anything of OpenSSL's. */
void heap_prepare(void);

/* The size of OpenSSL's read buffer, in bytes. A thread has only one at a time. */
enum { HEAP_READ_BUFFER = 4 * 16413 + 12 }; /* four records of any version, and the header of a fifth */

/* Says that what the server sent was written into that buffer, up to `end`: no more of it need be wiped. */
void heap_received(const void *end);

/* Sets whether this thread wipes all that OpenSSL frees, not only large blocks: while it has a key. */
void heap_wipe_all(bool all);

/*
 * Makes sure that the next small allocations, up to `size` bytes in all, cannot fail, for a library that
 * cannot handle a failure. Returns false if there is not enough memory. Call it after heap_prepare(), before
 * there are threads.
 */
bool heap_reserve(size_t size);

#endif
