/*
 * Threads that nobody waits for.
 */
#ifndef RETROTLS_RELAY_THREAD_H
#define RETROTLS_RELAY_THREAD_H

#include <stdbool.h>
#include <stddef.h>

/* Starts a detached thread with `stack` bytes of stack, which runs `run(argument)`. False where it cannot be
 * had. */
bool thread_start(void *(*run)(void *), void *argument, size_t stack);

#endif
