/*
 * Random bytes straight from the kernel, for OpenSSL too. OpenSSL's own generators are two per thread, and a
 * thread's first connection would wait 0.2 ms while they are created.
 */
#ifndef RETROTLS_MONITOR_RANDOM_H
#define RETROTLS_MONITOR_RANDOM_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Call it before there are threads, and while files can be opened: if the kernel has no getrandom(2), we use
 * /dev/urandom. Returns false if OpenSSL refuses; its own generators then stay in use.
 */
bool random_prepare(void);

/* Fills the buffer. Returns false with errno if the kernel has no random bytes. */
bool random_fill(void *buffer, size_t size);

#endif
