/*
 * The system calls that glibc, OpenSSL and libidn2 make for threads, sockets and epoll. None of them opens a
 * file: the monitor gives the worker what it reads.
 *
 * Any other call fails with EPERM, but does not end the process. Another libc may try a call that is not
 * listed, and do without it; that must not cut every connection of the program. But with no libc does the
 * relay ever run or trace a program. If that happens, somebody else is in control, and the process ends.
 */
#include "relay/sandbox/seccomp.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/net.h>
#include <linux/sockios.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "monitor/walls/calls.h"
#include "monitor/walls/filter.h"

enum { ADD_SEALS = 1033 /* F_ADD_SEALS, for relay/members.c; old headers lack it */ };

static const int allowed[] = {
    /* memory; mmap and mprotect are below */
    SYS_brk, SYS_madvise, SYS_mremap, SYS_sysinfo, SYS_munmap,
    /* threads; clone has a rule of its own */
    SYS_exit, SYS_exit_group, SYS_futex, SYS_futex_time64, SYS_futex_waitv, SYS_getpid, SYS_getppid,
    SYS_gettid, SYS_membarrier, SYS_restart_syscall, SYS_rseq, SYS_rt_sigaction, SYS_rt_sigprocmask,
    SYS_rt_sigreturn, SYS_sched_getaffinity, SYS_sched_yield, SYS_set_robust_list, SYS_sigaltstack,
    /* time and randomness, if the vDSO cannot */
    SYS_clock_getres, SYS_clock_gettime, SYS_clock_gettime64, SYS_clock_nanosleep, SYS_clock_nanosleep_time64,
    SYS_getrandom, SYS_gettimeofday, SYS_nanosleep, SYS_time,
    /* descriptors that it was given; fcntl is below */
    SYS__llseek, SYS_close, SYS_close_range, SYS_fstat, SYS_fstat64, SYS_lseek, SYS_read, SYS_readv,
    SYS_write, SYS_writev,
    /* sockets that it has, and waiting for them; setsockopt, sendto and sendmsg are below */
    SYS_accept, SYS_accept4, SYS_epoll_create, SYS_epoll_create1, SYS_epoll_ctl, SYS_epoll_pwait,
    SYS_epoll_pwait2, SYS_epoll_wait, SYS_eventfd, SYS_eventfd2, SYS_getpeername, SYS_getsockname,
    SYS_getsockopt, SYS_poll, SYS_ppoll, SYS_ppoll_time64, SYS_recv, SYS_recvfrom, SYS_recvmsg, SYS_send,
    SYS_shutdown,
    /* to see whose process asks */
    SYS_getegid, SYS_getegid32, SYS_geteuid, SYS_geteuid32, SYS_getgid, SYS_getgid32, SYS_getuid,
    SYS_getuid32};

#ifndef RETROTLS_SANITIZED
/* None for options: we could not limit them through socketcall(2). */
static const unsigned socketcalls[] = {SYS_ACCEPT,     SYS_ACCEPT4, SYS_GETPEERNAME, SYS_GETSOCKNAME,
                                       SYS_GETSOCKOPT, SYS_RECV,    SYS_RECVFROM,    SYS_RECVMSG,
                                       SYS_SEND,       SYS_SENDMSG, SYS_SENDTO,      SYS_SHUTDOWN};

static void allow_with_arguments(struct filter *f)
{
    static const unsigned long questions[] = {FIONREAD, SIOCOUTQ, SIOCOUTQNSD};
    static const unsigned of_descriptors[] = {F_DUPFD, F_DUPFD_CLOEXEC, F_GETFD,  F_SETFD,
                                              F_GETFL, F_SETFL,         ADD_SEALS};

    filter_allow_threads(f);
    filter_allow_memory(f);
    filter_allow_options(f);
    filter_allow_option(f, SOL_SOCKET, SO_PEEK_OFF);
    /*
     * Leaves out F_SETOWN and F_SETSIG, which make the kernel send any signal, even SIGKILL, to any process
     * of this user.
     */
    for (size_t i = 0; i < sizeof of_descriptors / sizeof *of_descriptors; i++) {
        filter_allow_if(f, SYS_fcntl, filter_has_bits(1, UINT32_MAX, of_descriptors[i]));
        filter_allow_if(f, SYS_fcntl64, filter_has_bits(1, UINT32_MAX, of_descriptors[i]));
    }
    filter_allow_sending(f);
    for (size_t i = 0; i < sizeof questions / sizeof *questions; i++)
        filter_allow_if(f, SYS_ioctl, filter_equals(1, questions[i]));
    filter_allow_abort(f);
    /* Reading its own limits. */
    filter_allow_if_both(f, SYS_prlimit64, filter_equals(0, 0), filter_equals(2, 0));
    filter_allow_socketcalls(f, socketcalls, sizeof socketcalls / sizeof *socketcalls);
}

void seccomp_rules(struct filter *f)
{
    filter_start(f, false);
    filter_allow_all(f, allowed, sizeof allowed / sizeof *allowed);
    allow_with_arguments(f);
    filter_end_on_running(f);
}
#else
/*
 * A sanitizer's runtime needs many more calls, and different ones with each compiler: LeakSanitizer stops the
 * threads with ptrace(2) from a clone(2) without CLONE_THREAD, ThreadSanitizer maps memory for its shadow,
 * and reports run a symbolizer. So with a sanitizer we list only what stays forbidden, and nothing ends the
 * process.
 */
void seccomp_rules(struct filter *f)
{
    static const int never[] = {
        SYS_bind,   SYS_connect,           SYS_execveat,         SYS_kill,
        SYS_listen, SYS_pidfd_send_signal, SYS_process_vm_readv, SYS_process_vm_writev,
        SYS_socket};

    (void)allowed;
    filter_start(f, true);
    for (size_t i = 0; i < sizeof never / sizeof *never; i++)
        filter_refuse(f, never[i], EPERM);
}
#endif

int seccomp_shut(void)
{
    struct filter filter;

    seccomp_rules(&filter);
    return filter_load(&filter);
}
