/*
 * What is known of a descriptor number: the one test that a read or write on any other descriptor costs.
 *
 * A byte for each number below KNOWN_NUMBERS, in memory that the kernel provides as it is touched; numbers
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

enum { KNOWN_NUMBERS = 65536 };

enum known {
    KNOWN_PLAIN,    /* nothing that the policy may guard: the library has no business with it */
    KNOWN_NOTHING,  /* to be asked about */
    KNOWN_SWITCHED, /* a program's end, when it was last looked at */
    KNOWN_REFUSED,  /* guarded, and the program must not use it: the log has been told */
};

extern _Atomic uint8_t known_states[KNOWN_NUMBERS];

static inline enum known known_of(int fd)
{
    return fd >= 0 && fd < KNOWN_NUMBERS
               ? (enum known)atomic_load_explicit(&known_states[fd], memory_order_acquire)
               : KNOWN_NOTHING;
}

static inline bool known_is_plain(int fd)
{
    return known_of(fd) == KNOWN_PLAIN;
}

/* Both may be called at any time, from a signal handler too, and keep errno. */
void known_set(int fd, enum known state);
void known_forget(int fd);
/* `to` is a duplicate of `from`. */
void known_copy(int from, int to);

/* The calling process owns its memory: for the constructor, and for the child of a fork(2). */
void known_start(void);

/*
 * From now on nothing is known of any number, and all are asked about each time: another preload in front of
 * this one makes sockets that the library does not see (proxied.h).
 */
void known_distrust(void);

#endif
