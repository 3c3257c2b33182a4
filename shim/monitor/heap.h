/* The heap: one for all threads. It wipes what OpenSSL frees. */
#ifndef RETROTLS_MONITOR_HEAP_H
#define RETROTLS_MONITOR_HEAP_H

#include <stdbool.h>
#include <stddef.h>

/* Call this first, before there are threads and before any use of OpenSSL. */
void heap_prepare(void);

/*
 * Has the kernel provide the memory for a first connection in one call, instead of a page fault for each
 * page: all of the initial heap, some 550 KB. Has no effect before Linux 5.14. Any thread may call this.
 */
void heap_populate(void);

/* The size of OpenSSL's read buffer, in bytes. A thread has only one at a time. */
enum { HEAP_READ_BUFFER = 4 * 16413 + 12 }; /* four records of any version, and the header of a fifth */

/* Notes that data from the server was written to that buffer up to `end`. The rest need not be wiped. */
void heap_received(const void *end);

/*
 * Sets whether this thread wipes everything that OpenSSL frees, not only large blocks. It must do so while it
 * has a key.
 */
void heap_wipe_all(bool all);

#endif
