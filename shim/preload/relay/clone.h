/*
 * clone(2) on a stack of its own, by the system call itself. libc's clone() is taken for a fork by
 * sanitizers, which then hold the whole program for a forked child; and before glibc 2.25 it forgot the
 * caller's process and thread numbers, which are in memory that both share.
 */
#ifndef RETROTLS_PRELOAD_RELAY_CLONE_H
#define RETROTLS_PRELOAD_RELAY_CLONE_H

/*
 * Runs `function` in the new process, on the stack that ends (stacks grow down) at `top`, which must be
 * aligned to 16; the process must end in it. Returns the new process's number, or -1 with errno set.
 */
int clone_on_stack(int (*function)(void *), void *top, int flags, void *argument);

/* fork(2) without its handlers (pthread_atfork(3)). As the system call: -1 with errno set. */
long clone_as_fork(void);

#endif
