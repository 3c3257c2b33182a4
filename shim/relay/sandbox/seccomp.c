/*
 * What glibc, OpenSSL and libidn2 ask of the kernel for threads, sockets and epoll. Nothing is opened: the
 * monitor gives the worker what it reads.
 *
 * Any other call fails with EPERM and does not end the process: another libc may try a call that is not
 * listed and do without it, and that must not cut every connection of the program. The relay itself never
 * runs or traces a program, whatever the libc. If that happens somebody else is in control, and the process
 * ends.
 */
#include "relay/sandbox/seccomp.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <sched.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "monitor/walls/filter.h"

/* libseccomp has pseudo numbers for calls that an architecture lacks, and leaves them out. */
static const int allowed[] = {
    /* memory; mmap and mprotect are below */
    SCMP_SYS(brk), SCMP_SYS(madvise), SCMP_SYS(mremap), SCMP_SYS(sysinfo), SCMP_SYS(munmap),
    /* threads; clone is below */
    SCMP_SYS(exit), SCMP_SYS(exit_group), SCMP_SYS(futex), SCMP_SYS(futex_time64), SCMP_SYS(futex_waitv),
    SCMP_SYS(getpid), SCMP_SYS(getppid), SCMP_SYS(gettid), SCMP_SYS(membarrier), SCMP_SYS(restart_syscall),
    SCMP_SYS(rseq), SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn),
    SCMP_SYS(sched_getaffinity), SCMP_SYS(sched_yield), SCMP_SYS(set_robust_list), SCMP_SYS(sigaltstack),
    /* time and randomness, if the vDSO cannot */
    SCMP_SYS(clock_getres), SCMP_SYS(clock_gettime), SCMP_SYS(clock_gettime64), SCMP_SYS(clock_nanosleep),
    SCMP_SYS(clock_nanosleep_time64), SCMP_SYS(getrandom), SCMP_SYS(gettimeofday), SCMP_SYS(nanosleep),
    SCMP_SYS(time),
    /* descriptors that it was given; fcntl is below */
    SCMP_SYS(_llseek), SCMP_SYS(close), SCMP_SYS(close_range), SCMP_SYS(fstat), SCMP_SYS(fstat64),
    SCMP_SYS(lseek), SCMP_SYS(read), SCMP_SYS(readv), SCMP_SYS(write), SCMP_SYS(writev),
    /* sockets that it has, and waiting for them; setsockopt, sendto and sendmsg are below */
    SCMP_SYS(accept), SCMP_SYS(accept4), SCMP_SYS(epoll_create), SCMP_SYS(epoll_create1), SCMP_SYS(epoll_ctl),
    SCMP_SYS(epoll_pwait), SCMP_SYS(epoll_pwait2), SCMP_SYS(epoll_wait), SCMP_SYS(eventfd),
    SCMP_SYS(eventfd2), SCMP_SYS(getpeername), SCMP_SYS(getsockname), SCMP_SYS(getsockopt), SCMP_SYS(poll),
    SCMP_SYS(ppoll), SCMP_SYS(ppoll_time64), SCMP_SYS(recv), SCMP_SYS(recvfrom), SCMP_SYS(recvmsg),
    SCMP_SYS(send), SCMP_SYS(shutdown),
    /* to see whose process asks */
    SCMP_SYS(getegid), SCMP_SYS(getegid32), SCMP_SYS(geteuid), SCMP_SYS(geteuid32), SCMP_SYS(getgid),
    SCMP_SYS(getgid32), SCMP_SYS(getuid), SCMP_SYS(getuid32)};

#ifndef RETROTLS_SANITIZED
#    ifdef __s390__
enum { CLONE_FLAGS = 1 }; /* clone(2): the first two arguments are swapped there */
#    else
enum { CLONE_FLAGS = 0 };
#    endif

static bool allow_with_arguments(scmp_filter_ctx filter)
{
    static const unsigned long questions[] = {FIONREAD, SIOCOUTQ, SIOCOUTQNSD};
    static const unsigned of_descriptors[] = {F_DUPFD, F_DUPFD_CLOEXEC, F_GETFD, F_SETFD, F_GETFL, F_SETFL};
    const struct scmp_arg_cmp reading_own_limit[] = {filter_equals(0, 0), filter_equals(2, 0)};

    /*
     * Threads only, no processes. clone3(2) has its flags in memory, where a filter cannot see them. glibc
     * takes ENOSYS for an older kernel's, and goes on with clone(2).
     */
    bool good =
        filter_allow_if(filter, SCMP_SYS(clone), filter_has_bits(CLONE_FLAGS, CLONE_THREAD, CLONE_THREAD)) &&
        seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0) == 0;

    good = good && filter_allow_memory(filter);
    good = good && filter_allow_options(filter) && filter_allow_option(filter, SOL_SOCKET, SO_PEEK_OFF);
    /*
     * F_SETOWN and F_SETSIG would make the kernel send any signal, even SIGKILL, to any process of this user.
     */
    for (size_t i = 0; i < sizeof of_descriptors / sizeof *of_descriptors; i++)
        good = good &&
               filter_allow_if(filter, SCMP_SYS(fcntl), filter_has_bits(1, UINT32_MAX, of_descriptors[i])) &&
               filter_allow_if(filter, SCMP_SYS(fcntl64), filter_has_bits(1, UINT32_MAX, of_descriptors[i]));
    good = good && filter_allow_sending(filter);
    for (size_t i = 0; i < sizeof questions / sizeof *questions; i++)
        good = good && filter_allow_if(filter, SCMP_SYS(ioctl), filter_equals(1, questions[i]));
    good = good && filter_allow_abort(filter);
    return good &&
           seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), 2, reading_own_limit) == 0;
}

static scmp_filter_ctx make(void)
{
    const scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));

    if (filter && filter_allow_all(filter, allowed, sizeof allowed / sizeof *allowed) &&
        filter_end_on_running(filter) && allow_with_arguments(filter))
        return filter;
    seccomp_release(filter);
    return NULL;
}
#else
/*
 * A sanitizer's run time needs many more calls, and different ones with each compiler: LeakSanitizer stops
 * the threads with ptrace(2) from a clone(2) without CLONE_THREAD, ThreadSanitizer maps memory for its
 * shadow, reports run a symbolizer. So the list has what stays forbidden, and nothing ends the process.
 */
static scmp_filter_ctx make(void)
{
    static const int never[] = {SCMP_SYS(bind),
                                SCMP_SYS(connect),
                                SCMP_SYS(execveat),
                                SCMP_SYS(kill),
                                SCMP_SYS(listen),
                                SCMP_SYS(pidfd_send_signal),
                                SCMP_SYS(process_vm_readv),
                                SCMP_SYS(process_vm_writev),
                                SCMP_SYS(socket)};
    const scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    bool good = filter && sizeof allowed > 0;

    for (size_t i = 0; good && i < sizeof never / sizeof *never; i++)
        good = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), never[i], 0) == 0;
    if (good)
        return filter;
    seccomp_release(filter);
    return NULL;
}
#endif

int seccomp_shut(void)
{
    return filter_load(make);
}
