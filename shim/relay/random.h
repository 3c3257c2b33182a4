/*
 * Random bytes for OpenSSL straight from the kernel. Its own generators are two a thread, and a thread's
 * first connection would wait 0.2 ms for them to be made.
 */
#ifndef RETROTLS_RELAY_RANDOM_H
#define RETROTLS_RELAY_RANDOM_H

#include <stdbool.h>

/* To be called before there is a thread. False where OpenSSL will not; its own generators serve then. */
bool random_prepare(void);

#endif
