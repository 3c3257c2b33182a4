/*
 * System calls of supervised programs that wait for our answer (seccomp_unotify(2)). If a call is given up,
 * because a signal arrived or the thread was killed, its notification disappears. Answering it then fails
 * with ENOENT and has no effect.
 */
#ifndef RETROTLS_SUPERVISE_NOTIFICATION_H
#define RETROTLS_SUPERVISE_NOTIFICATION_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct notification {
    uint64_t id;
    pid_t tid;   /* the calling thread; 0: its PID namespace is not below ours */
    int call;    /* SYS_... */
    uint64_t at; /* the instruction pointer */
    uint64_t argument[6];
};

/* Waits for the next notification. Returns false with errno set; on ENOENT or EINTR, try again. */
bool notification_receive(int listener, struct notification *n);

/*
 * True if the call still waits. The kernel may reuse a thread's number, so only if this is true afterwards
 * does what we opened or read under that number belong to the caller.
 */
bool notification_is_valid(int listener, const struct notification *n);

/* Ends the call: it returns `value`, or fails with `error` if that is not 0. Returns false with errno set. */
bool notification_answer(int listener, const struct notification *n, int64_t value, int error);

/* Has the kernel make the call. The kernel reads the arguments' memory again, which may have changed. */
void notification_continue(int listener, const struct notification *n);

/*
 * Makes the program's `number` refer to our `fd`, in place of whatever it referred to. `flags` may be
 * O_CLOEXEC. Returns false with errno set; then nothing has changed.
 */
bool notification_install(int listener, const struct notification *n, int fd, int number, int flags);

/* True if the kernel has what we need (SECCOMP_IOCTL_NOTIF_ADDFD, Linux 5.9). */
bool notification_is_supported(int listener);

#endif
