/*
 * What is known of a descriptor number: the one test that a read or write on any other descriptor costs.
 *
 * A byte for each number below FD_STATE_NUMBERS, in memory that the kernel provides as it is touched; numbers
 * beyond it are asked about each time. A number is plain unless it may be, or become, a connection that the
 * policy guards, and every way to that is watched: what the program was started with, socket(2), connect(2),
 * dup(2) and its kin, a descriptor received over a UNIX socket. So close(2), which libc calls behind
 * everybody's back (fclose(3), ...), need not be: a number that is another file now is asked about once more
 * at worst. And on files, pipes and accepted connections no system call is ever made that the program did not
 * make, which a sandbox of its own may punish with death (seccomp(2)).
 *
 * After vfork(2) a child has descriptors of its own but its parent's memory, so nothing but the process that
 * the memory belongs to may say that a number is plain; to ask is always right.
 */
#ifndef RETROTLS_PRELOAD_DESCRIPTOR_FD_STATE_H
#define RETROTLS_PRELOAD_DESCRIPTOR_FD_STATE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum { FD_STATE_NUMBERS = 65536 };

enum fd_state {
    FD_STATE_PLAIN,    /* nothing that the policy may guard: the library has no business with it */
    FD_STATE_NOTHING,  /* to be asked about */
    FD_STATE_SWITCHED, /* a program's end, when it was last looked at */
    FD_STATE_REFUSED,  /* guarded, and the program must not use it: the log has been told */
};

extern _Atomic uint8_t fd_states[FD_STATE_NUMBERS];

static inline enum fd_state fd_state_of(int fd)
{
    return fd >= 0 && fd < FD_STATE_NUMBERS
               ? (enum fd_state)atomic_load_explicit(&fd_states[fd], memory_order_acquire)
               : FD_STATE_NOTHING;
}

static inline bool fd_state_is_plain(int fd)
{
    return fd_state_of(fd) == FD_STATE_PLAIN;
}

/* Both may be called at any time, from a signal handler too, and keep errno. */
void fd_state_set(int fd, enum fd_state state);
void fd_state_forget(int fd);
/* `to` is a duplicate of `from`. */
void fd_state_copy(int from, int to);

/* The calling process owns its memory: for the constructor, and for the child of a fork(2). */
void fd_state_start(void);

/*
 * From now on nothing is known of any number, and all are asked about each time: another preload in front of
 * this one makes sockets that the library does not see (proxied.h).
 */
void fd_state_distrust(void);

#endif
