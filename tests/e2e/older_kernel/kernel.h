/*
 * What a kernel of before lacks, and what it says instead of it. The numbers are where its lists end: system
 * calls (arch/x86/entry/syscalls), options (include/uapi/asm-generic/socket.h, linux/tcp.h, linux/prctl.h)
 * are numbered in the order in which they came. What a distribution took into its kernel later is not there.
 */
#ifndef RETROTLS_TESTS_OLDER_KERNEL_KERNEL_H
#define RETROTLS_TESTS_OLDER_KERNEL_KERNEL_H

#include <stdbool.h>
#include <stdint.h>

struct kernel {
    const char *name;                 /* as "linux-3.10" */
    unsigned version;                 /* 310 for 3.10 */
    uint32_t calls, calls_of_32_bits; /* the first system call that it does not have: ENOSYS */
    uint32_t socket, tcp;             /* the first options of SOL_SOCKET and IPPROTO_TCP: ENOPROTOOPT */
    uint32_t prctl;                   /* the first of prctl(2): EINVAL */
    uint32_t fcntl;                   /* the first from F_ADD_SEALS on: EINVAL */
    uint32_t seccomp, seccomp_flags;  /* the first operation, and all flags, of seccomp(2): EINVAL */
    uint32_t tcp_info;                /* size of struct tcp_info */
    int landlock;                     /* version; 0: none */
};

/* NULL where there is no such profile. */
const struct kernel *kernel_named(const char *name);

/*
 * From now on this process and all that it starts see that kernel. Values that a filter cannot change are the
 * business of a process of its own, which ends with the last one that it serves. False with a message.
 */
bool kernel_enter(const struct kernel *kernel);

/* That process: answers on the filter's descriptor until nobody is left. */
void kernel_serve(int listener, const struct kernel *kernel);

#endif
