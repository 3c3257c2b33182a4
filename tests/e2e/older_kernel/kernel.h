/*
 * What an older kernel lacks, and what it answers instead. The numbers say where its lists end: system calls
 * (arch/x86/entry/syscalls) and options (include/uapi/asm-generic/socket.h, linux/tcp.h, linux/prctl.h) are
 * numbered in the order in which they were added. What a distribution later backported into its kernel is not
 * included.
 */
#ifndef RETROTLS_TESTS_OLDER_KERNEL_KERNEL_H
#define RETROTLS_TESTS_OLDER_KERNEL_KERNEL_H

#include <stdbool.h>
#include <stdint.h>

struct kernel {
    const char *name;                 /* as "linux-3.10" */
    unsigned version;                 /* 310 for 3.10 */
    uint32_t calls, calls_of_32_bits; /* the first system call that is missing: ENOSYS */
    uint32_t socket, tcp;             /* the first missing ones of SOL_SOCKET, IPPROTO_TCP: ENOPROTOOPT */
    uint32_t prctl;                   /* the first missing option of prctl(2): EINVAL */
    uint32_t fcntl;                   /* the first missing command from F_ADD_SEALS on: EINVAL */
    uint32_t seccomp, seccomp_flags;  /* the first missing operation, all flags, of seccomp(2): EINVAL */
    uint32_t tcp_info;                /* size of struct tcp_info */
    int landlock;                     /* version; 0: none */
};

/* NULL if there is no profile of that name. */
const struct kernel *kernel_named(const char *name);

/*
 * From now on, this process and all that it starts see that kernel. A separate process handles what a filter
 * cannot change; it ends with the last process that it serves. Returns false after printing a message.
 */
bool kernel_enter(const struct kernel *kernel);

/* That process: answers on the filter's descriptor until nobody is left. */
void kernel_serve(int listener, const struct kernel *kernel);

#endif
