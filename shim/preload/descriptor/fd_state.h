/*
 * What we know about a descriptor number. A read or write on any other descriptor costs no more than this one
 * test.
 *
 * There is a byte for each number below FD_STATE_NUMBERS, in memory that the kernel provides as it is
 * touched. We ask about higher numbers each time. A number is plain unless it is or may become a connection
 * that the policy guards. We watch every way to become one: what the program was started with, socket(2),
 * connect(2), dup(2) and its kin, a descriptor received over a UNIX socket. So we need not watch close(2),
 * which libc also calls internally (fclose(3), ...): at worst we ask once more about a number that is another
 * file now. And on files, pipes and accepted connections we never make a system call that the program did not
 * make: a sandbox of its own may kill it for that (seccomp(2)).
 *
 * After vfork(2) a child has its own descriptors but its parent's memory. So only the process that owns the
 * memory may say that a number is plain. Asking is always right.
 */
#ifndef RETROTLS_PRELOAD_DESCRIPTOR_FD_STATE_H
#define RETROTLS_PRELOAD_DESCRIPTOR_FD_STATE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum { FD_STATE_NUMBERS = 65536 };

enum fd_state {
    FD_STATE_PLAIN,    /* nothing that the policy may guard: the library leaves it alone */
    FD_STATE_NOTHING,  /* not known: ask */
    FD_STATE_SWITCHED, /* a program's end when we last looked */
    FD_STATE_REFUSED,  /* guarded, and the program must not use it; already logged */
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

/* Both may be called at any time, even from a signal handler, and keep errno. */
void fd_state_set(int fd, enum fd_state state);
void fd_state_forget(int fd);
/* `to` is a duplicate of `from`. */
void fd_state_copy(int from, int to);

/* Makes the calling process the owner of the memory. For the constructor, and for the child of a fork(2). */
void fd_state_start(void);

/*
 * From now on we know nothing about any number and ask each time: another preload before this one makes
 * sockets that the library does not see (proxied.h).
 */
void fd_state_distrust(void);

#endif
