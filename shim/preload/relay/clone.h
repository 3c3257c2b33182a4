/*
 * clone(2) on a stack of its own, by the raw system call. Sanitizers take libc's clone() for a fork, and then
 * treat the whole program as a forked child. Before glibc 2.25, it also forgot the caller's process and
 * thread numbers, which are in memory that both share.
 */
#ifndef RETROTLS_PRELOAD_RELAY_CLONE_H
#define RETROTLS_PRELOAD_RELAY_CLONE_H

/*
 * Runs `function` in a new process, on the stack that ends at `top` (stacks grow down), which must be aligned
 * to 16. The process must end within the function. Returns the new process's pid, or -1 with errno set.
 */
int clone_on_stack(int (*function)(void *), void *top, int flags, void *argument);

/* fork(2) without its handlers (pthread_atfork(3)). Returns as the system call does: -1 with errno set. */
long clone_as_fork(void);

#endif
