/*
 * The system calls of this machine, for its filters. A call that the headers lack, because the architecture
 * does not have it or because the headers are older, is FILTER_NO_CALL: the filters have no rule for it.
 */
#ifndef RETROTLS_MONITOR_WALLS_CALLS_H
#define RETROTLS_MONITOR_WALLS_CALLS_H

#include <linux/audit.h>
#include <sys/syscall.h>

#define FILTER_NO_CALL (-1)

/* The architecture that the kernel reports for calls of this program. */
#if defined __x86_64__
#    define FILTER_NATIVE AUDIT_ARCH_X86_64
#elif defined __i386__
#    define FILTER_NATIVE AUDIT_ARCH_I386
#elif defined __aarch64__
#    define FILTER_NATIVE AUDIT_ARCH_AARCH64
#elif defined __arm__ && defined __ARMEL__
#    define FILTER_NATIVE AUDIT_ARCH_ARM
#elif defined __powerpc64__ && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#    define FILTER_NATIVE AUDIT_ARCH_PPC64LE
#elif defined __powerpc64__
#    define FILTER_NATIVE AUDIT_ARCH_PPC64
#elif defined __s390x__
#    define FILTER_NATIVE AUDIT_ARCH_S390X
#elif defined __riscv && __riscv_xlen == 64
#    define FILTER_NATIVE AUDIT_ARCH_RISCV64
#elif defined __loongarch64
#    define FILTER_NATIVE AUDIT_ARCH_LOONGARCH64
#elif defined __mips__ && defined __MIPSEL__ && _MIPS_SIM == _ABIO32
#    define FILTER_NATIVE AUDIT_ARCH_MIPSEL
#elif defined __mips__ && defined __MIPSEL__ && _MIPS_SIM == _ABI64
#    define FILTER_NATIVE AUDIT_ARCH_MIPSEL64
#else
#    error "name this machine's AUDIT_ARCH_... (linux/audit.h), and see whether its libc uses socketcall(2)"
#endif

/* ---- calls that some architectures lack ---- */

#ifndef SYS__llseek
#    define SYS__llseek FILTER_NO_CALL
#endif
#ifndef SYS_accept
#    define SYS_accept FILTER_NO_CALL
#endif
#ifndef SYS_access
#    define SYS_access FILTER_NO_CALL
#endif
#ifndef SYS_clock_gettime64
#    define SYS_clock_gettime64 FILTER_NO_CALL
#endif
#ifndef SYS_clock_nanosleep_time64
#    define SYS_clock_nanosleep_time64 FILTER_NO_CALL
#endif
#ifndef SYS_epoll_create
#    define SYS_epoll_create FILTER_NO_CALL
#endif
#ifndef SYS_epoll_wait
#    define SYS_epoll_wait FILTER_NO_CALL
#endif
#ifndef SYS_eventfd
#    define SYS_eventfd FILTER_NO_CALL
#endif
#ifndef SYS_fcntl64
#    define SYS_fcntl64 FILTER_NO_CALL
#endif
#ifndef SYS_fstat
#    define SYS_fstat FILTER_NO_CALL
#endif
#ifndef SYS_fstat64
#    define SYS_fstat64 FILTER_NO_CALL
#endif
#ifndef SYS_fstatat64
#    define SYS_fstatat64 FILTER_NO_CALL
#endif
#ifndef SYS_futex_time64
#    define SYS_futex_time64 FILTER_NO_CALL
#endif
#ifndef SYS_getdents
#    define SYS_getdents FILTER_NO_CALL
#endif
#ifndef SYS_getegid32
#    define SYS_getegid32 FILTER_NO_CALL
#endif
#ifndef SYS_geteuid32
#    define SYS_geteuid32 FILTER_NO_CALL
#endif
#ifndef SYS_getgid32
#    define SYS_getgid32 FILTER_NO_CALL
#endif
#ifndef SYS_getgroups32
#    define SYS_getgroups32 FILTER_NO_CALL
#endif
#ifndef SYS_getuid32
#    define SYS_getuid32 FILTER_NO_CALL
#endif
#ifndef SYS_lstat
#    define SYS_lstat FILTER_NO_CALL
#endif
#ifndef SYS_lstat64
#    define SYS_lstat64 FILTER_NO_CALL
#endif
#ifndef SYS_mmap
#    define SYS_mmap FILTER_NO_CALL
#endif
#ifndef SYS_mmap2
#    define SYS_mmap2 FILTER_NO_CALL
#endif
#ifndef SYS_newfstatat
#    define SYS_newfstatat FILTER_NO_CALL
#endif
#ifndef SYS_open
#    define SYS_open FILTER_NO_CALL
#endif
#ifndef SYS_poll
#    define SYS_poll FILTER_NO_CALL
#endif
#ifndef SYS_ppoll_time64
#    define SYS_ppoll_time64 FILTER_NO_CALL
#endif
#ifndef SYS_readlink
#    define SYS_readlink FILTER_NO_CALL
#endif
#ifndef SYS_recv
#    define SYS_recv FILTER_NO_CALL
#endif
#ifndef SYS_send
#    define SYS_send FILTER_NO_CALL
#endif
#ifndef SYS_setfsgid32
#    define SYS_setfsgid32 FILTER_NO_CALL
#endif
#ifndef SYS_setfsuid32
#    define SYS_setfsuid32 FILTER_NO_CALL
#endif
#ifndef SYS_setgroups32
#    define SYS_setgroups32 FILTER_NO_CALL
#endif
#ifndef SYS_stat
#    define SYS_stat FILTER_NO_CALL
#endif
#ifndef SYS_stat64
#    define SYS_stat64 FILTER_NO_CALL
#endif
#ifndef SYS_time
#    define SYS_time FILTER_NO_CALL
#endif
#ifndef SYS_waitpid
#    define SYS_waitpid FILTER_NO_CALL
#endif

/* ---- calls that older headers lack ---- */

#ifndef SYS_close_range
#    define SYS_close_range FILTER_NO_CALL
#endif
#ifndef SYS_epoll_pwait2
#    define SYS_epoll_pwait2 FILTER_NO_CALL
#endif
#ifndef SYS_execveat
#    define SYS_execveat FILTER_NO_CALL
#endif
#ifndef SYS_futex_waitv
#    define SYS_futex_waitv FILTER_NO_CALL
#endif
#ifndef SYS_getrandom
#    define SYS_getrandom FILTER_NO_CALL
#endif
#ifndef SYS_membarrier
#    define SYS_membarrier FILTER_NO_CALL
#endif
#ifndef SYS_pidfd_open
#    define SYS_pidfd_open FILTER_NO_CALL
#endif
#ifndef SYS_pidfd_send_signal
#    define SYS_pidfd_send_signal FILTER_NO_CALL
#endif
#ifndef SYS_rseq
#    define SYS_rseq FILTER_NO_CALL
#endif
#ifndef SYS_statx
#    define SYS_statx FILTER_NO_CALL
#endif

/* libc may use it even so. Then it must fail with ENOSYS (sandbox/seccomp.c). */
#ifndef SYS_clone3
#    define SYS_clone3 435
#endif

#endif
