/*
 * What glibc, OpenSSL and libidn2 ask of the kernel on behalf of threads, sockets and epoll. Nothing is
 * opened: what the worker reads it is given by its monitor.
 *
 * The default is EPERM and not the end of the process: another libc may use a call that is not listed and can
 * do without, and that must not cut every connection of the program. Nothing in the relay ever runs a program
 * or traces one, whatever the libc: there, it is no longer the relay that calls, and the process ends.
 */
#include "relay/seccomp.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <sched.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "monitor/memory.h"
#include "monitor/socket_options.h"

/* Names that an architecture does not have are pseudo numbers to libseccomp, and are left out. */
static const int allowed[] = {
    /* memory; mmap and mprotect are below */
    SCMP_SYS(brk), SCMP_SYS(madvise), SCMP_SYS(mremap), SCMP_SYS(sysinfo), SCMP_SYS(munmap),
    /* threads; clone is below */
    SCMP_SYS(exit), SCMP_SYS(exit_group), SCMP_SYS(futex), SCMP_SYS(futex_time64), SCMP_SYS(futex_waitv),
    SCMP_SYS(getpid), SCMP_SYS(getppid), SCMP_SYS(gettid), SCMP_SYS(membarrier), SCMP_SYS(restart_syscall),
    SCMP_SYS(rseq), SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn),
    SCMP_SYS(sched_getaffinity), SCMP_SYS(sched_yield), SCMP_SYS(set_robust_list), SCMP_SYS(sigaltstack),
    /* time and randomness, where the vDSO does not do */
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
    /* whose process asks */
    SCMP_SYS(getegid), SCMP_SYS(getegid32), SCMP_SYS(geteuid), SCMP_SYS(geteuid32), SCMP_SYS(getgid),
    SCMP_SYS(getgid32), SCMP_SYS(getuid), SCMP_SYS(getuid32)};

/*
 * The process ends with SIGSYS either way. Before Linux 4.14, which libseccomp's level 3 stands for, only a
 * signal does that; libseccomp refuses a filter with an action that the kernel does not have, or that it
 * cannot ask it for, as there are no filters.
 */
static uint32_t ending(void)
{
    return seccomp_api_get() >= 3 ? SCMP_ACT_KILL_PROCESS : SCMP_ACT_TRAP;
}

#ifndef RETROTLS_SANITIZED
#    ifdef __s390__
enum { CLONE_FLAGS = 1 }; /* clone(2): the first two arguments are the other way round there */
#    else
enum { CLONE_FLAGS = 0 };
#    endif

static bool allow_if(scmp_filter_ctx filter, int call, struct scmp_arg_cmp what)
{
    return seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, call, 1, &what) == 0;
}

static struct scmp_arg_cmp equals(unsigned argument, scmp_datum_t value)
{
    return (struct scmp_arg_cmp){.arg = argument, .op = SCMP_CMP_EQ, .datum_a = value};
}

static struct scmp_arg_cmp has_bits(unsigned argument, scmp_datum_t mask, scmp_datum_t value)
{
    return (struct scmp_arg_cmp){
        .arg = argument, .op = SCMP_CMP_MASKED_EQ, .datum_a = mask, .datum_b = value};
}

static bool allow_option(scmp_filter_ctx filter, int level, unsigned mask, unsigned name)
{
    const struct scmp_arg_cmp what[] = {has_bits(1, UINT32_MAX, (scmp_datum_t)level),
                                        has_bits(2, mask, name)};

    return seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, SCMP_SYS(setsockopt), 2, what) == 0;
}

/*
 * In blocks of a power of two, each of which is one comparison: a range is a few of them. What the program
 * may set, and what the relay sets itself beyond that.
 */
static bool allow_options(scmp_filter_ctx filter)
{
    size_t count;
    const struct option_range *const ranges = socket_options_settable(&count);
    bool good = allow_option(filter, SOL_SOCKET, UINT32_MAX, SO_PEEK_OFF);

    for (size_t i = 0; good && i < count; i++) {
        unsigned name = (unsigned)ranges[i].first;
        const unsigned end = (unsigned)ranges[i].last + 1;

        while (good && name < end) {
            unsigned block = 1;

            while (name % (2 * block) == 0 && name + 2 * block <= end && block < 1024)
                block *= 2;
            good = allow_option(filter, ranges[i].level, ~(block - 1), name);
            name += block;
        }
    }
    return good;
}

static bool allow_with_arguments(scmp_filter_ctx filter)
{
    static const unsigned long questions[] = {FIONREAD, SIOCOUTQ, SIOCOUTQNSD};
    static const unsigned of_descriptors[] = {F_DUPFD, F_DUPFD_CLOEXEC, F_GETFD, F_SETFD, F_GETFL, F_SETFL};
    static const int calls_for_memory[] = {SCMP_SYS(mmap), SCMP_SYS(mmap2), SCMP_SYS(mprotect)};
    const struct scmp_arg_cmp reading_own_limit[] = {equals(0, 0), equals(2, 0)};

    /*
     * A thread, and no process. clone3(2) has its flags in memory, out of a filter's reach: glibc takes
     * ENOSYS for an older kernel's, and goes on with clone(2).
     */
    bool good = allow_if(filter, SCMP_SYS(clone), has_bits(CLONE_FLAGS, CLONE_THREAD, CLONE_THREAD)) &&
                seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0) == 0;

    /* No code but what it was started with: it is linked with -z now, and loads nothing later. */
    for (size_t i = 0; i < sizeof calls_for_memory / sizeof *calls_for_memory; i++)
        good = good && allow_if(filter, calls_for_memory[i], has_bits(2, PROT_EXEC, 0));
    good = good && allow_options(filter);
    /* F_SETOWN and F_SETSIG would have the kernel send a signal, SIGKILL too, to any process of this user's.
     */
    for (size_t i = 0; i < sizeof of_descriptors / sizeof *of_descriptors; i++)
        good = good && allow_if(filter, SCMP_SYS(fcntl), has_bits(1, UINT32_MAX, of_descriptors[i])) &&
               allow_if(filter, SCMP_SYS(fcntl64), has_bits(1, UINT32_MAX, of_descriptors[i]));
    /* MSG_FASTOPEN is a connect(2) by another name, which Landlock does not see. */
    good = good && allow_if(filter, SCMP_SYS(sendto), has_bits(3, MSG_FASTOPEN, 0)) &&
           allow_if(filter, SCMP_SYS(sendmsg), has_bits(2, MSG_FASTOPEN, 0));
    for (size_t i = 0; i < sizeof questions / sizeof *questions; i++)
        good = good && allow_if(filter, SCMP_SYS(ioctl), equals(1, questions[i]));
    /* abort(3) */
    good = good && allow_if(filter, SCMP_SYS(tgkill), equals(0, (scmp_datum_t)getpid()));
    return good &&
           seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), 2, reading_own_limit) == 0;
}

static scmp_filter_ctx make(void)
{
    static const int never[] = {SCMP_SYS(execve), SCMP_SYS(execveat), SCMP_SYS(ptrace)};
    const scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    bool good = filter != NULL;

    for (size_t i = 0; good && i < sizeof allowed / sizeof *allowed; i++)
        good = seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed[i], 0) == 0;
    for (size_t i = 0; good && i < sizeof never / sizeof *never; i++)
        good = seccomp_rule_add(filter, ending(), never[i], 0) == 0;
    if (good && allow_with_arguments(filter))
        return filter;
    seccomp_release(filter);
    return NULL;
}
#else
/*
 * A sanitizer's run time asks for much more and for other things with each compiler: LeakSanitizer stops the
 * threads by ptrace(2) from a clone(2) without CLONE_THREAD, ThreadSanitizer maps memory for its shadow,
 * reports run a symbolizer. There the list is of what stays forbidden, and nothing ends the process.
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

enum { RESERVE = 512 * 1024 };

int seccomp_shut(void)
{
    scmp_filter_ctx filter;
    int error;

    /*
     * Where an allocation fails in it, libseccomp 2.5 makes another filter than it was told to (one without
     * close(2), say), or never comes back from seccomp_load(3). It takes 80 KiB.
     */
    if (!memory_reserve(RESERVE))
        return ENOMEM;
    filter = make();
    if (!filter)
        return ENOMEM;
    /* Calls of another architecture's (int 0x80, x32) are none of libc's. */
    seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, ending());
    seccomp_attr_set(filter, SCMP_FLTATR_CTL_NNP, 0); /* it is set already */
    seccomp_attr_set(filter, SCMP_FLTATR_API_SYSRAWRC, 1);
    error = -seccomp_load(filter);
    seccomp_release(filter);
    return error;
}
