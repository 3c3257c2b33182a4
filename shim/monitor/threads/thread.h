/* Threads that nobody waits for, in both processes. Those of the monitor may hang in a file system. */
#ifndef RETROTLS_MONITOR_THREADS_THREAD_H
#define RETROTLS_MONITOR_THREADS_THREAD_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Bytes of stack for the monitor's threads: OpenSSL reads keys on it. Pages that are not touched cost
 * nothing.
 */
enum { MONITOR_STACK = 256 * 1024 };

/*
 * Runs `run(argument)` in a new detached thread with `stack` bytes of stack. False if it cannot be started.
 */
bool thread_start(void *(*run)(void *), void *argument, size_t stack);

#endif
