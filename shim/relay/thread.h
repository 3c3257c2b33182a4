/*
 * Threads that nobody waits for.
 */
#ifndef RETROTLS_RELAY_THREAD_H
#define RETROTLS_RELAY_THREAD_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Runs `run(argument)` in a new detached thread with `stack` bytes of stack. False if it cannot be started.
 */
bool thread_start(void *(*run)(void *), void *argument, size_t stack);

#endif
