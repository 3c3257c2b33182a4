/*
 * The heap: one for all threads, and what OpenSSL gives back to it is wiped.
 */
#ifndef RETROTLS_MONITOR_HEAP_H
#define RETROTLS_MONITOR_HEAP_H

#include <stdbool.h>
#include <stddef.h>

/* To be called first of all, before there is a thread and before anything of OpenSSL's. */
void heap_prepare(void);

/* Bytes of OpenSSL's read buffer that a thread reads into at once. A thread has one such buffer at a time. */
enum { HEAP_READ_BUFFER = 4 * 16413 + 12 }; /* four records of any version, and the head of a fifth */

/* What came from the server was written into that buffer, up to `end`: no more of it need be wiped. */
void heap_received(const void *end);

/* Whether this thread wipes whatever OpenSSL gives back, and not the large blocks alone: while it has a key.
 */
void heap_wipe_all(bool all);

/*
 * Makes sure that small allocations of `size` bytes together cannot fail next, for a library that does not
 * bear it. False where there is no memory for that. After heap_prepare(), before there are threads.
 */
bool heap_reserve(size_t size);

#endif
