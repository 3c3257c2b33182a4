/*
 * Random bytes straight from the kernel, for OpenSSL too. Its own generators are two a thread, and a thread's
 * first connection would wait 0.2 ms for them to be made.
 */
#ifndef RETROTLS_MONITOR_RANDOM_H
#define RETROTLS_MONITOR_RANDOM_H

#include <stdbool.h>
#include <stddef.h>

/*
 * To be called before there is a thread, and while files can be opened: /dev/urandom serves where the kernel
 * has no getrandom(2). False where OpenSSL will not; its own generators serve then.
 */
bool random_prepare(void);

/* Fills the buffer; false with errno where the kernel gives none. */
bool random_fill(void *buffer, size_t size);

#endif
