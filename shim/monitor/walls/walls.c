#include "monitor/walls/walls.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "monitor/walls/filter.h"

/* ---- capabilities ---- */

/*
 * For files and their folders; to take on the program's user and groups; to see in /proc/PID/ns whether it
 * shares our user namespace (ptrace(2), PTRACE_MODE_READ_FSCREDS); for SO_MARK, SO_BINDTODEVICE and the like.
 */
static const unsigned kept[] = {CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_SETGID, CAP_SETUID,
                                CAP_SYS_PTRACE,   CAP_NET_ADMIN,       CAP_NET_RAW};

static void drop_capabilities(void)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {{0}};
    uint32_t mask = 0;

    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
        mask |= 1U << kept[i];
    /* EINVAL before Linux 4.3, which has no ambient set */
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    if (syscall(SYS_capget, &head, data) != 0)
        return;
    data[0].permitted &= mask;
    data[0].effective &= mask;
    data[0].inheritable = 0;
    data[1] = (struct __user_cap_data_struct){0};
    syscall(SYS_capset, &head, data); /* dropping capabilities is always allowed (capabilities(7)) */
}

/* ---- system calls ---- */

#ifndef RETROTLS_SANITIZED
static const int allowed[] = {
    /* memory; mmap and mprotect have rules of their own */
    SCMP_SYS(brk), SCMP_SYS(madvise), SCMP_SYS(mremap), SCMP_SYS(munmap), SCMP_SYS(sysinfo),
    /* the process itself, the end of its worker, and whether a program is alive */
    SCMP_SYS(exit), SCMP_SYS(exit_group), SCMP_SYS(futex), SCMP_SYS(futex_time64), SCMP_SYS(getpid),
    SCMP_SYS(getppid), SCMP_SYS(gettid), SCMP_SYS(membarrier), SCMP_SYS(pidfd_open),
    SCMP_SYS(restart_syscall), SCMP_SYS(rseq), SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigreturn), SCMP_SYS(sched_getaffinity), SCMP_SYS(sched_yield), SCMP_SYS(set_robust_list),
    SCMP_SYS(wait4), SCMP_SYS(waitpid),
    /* time and randomness, if the vDSO does not serve */
    SCMP_SYS(clock_getres), SCMP_SYS(clock_gettime), SCMP_SYS(clock_gettime64), SCMP_SYS(clock_nanosleep),
    SCMP_SYS(clock_nanosleep_time64), SCMP_SYS(getrandom), SCMP_SYS(gettimeofday), SCMP_SYS(nanosleep),
    SCMP_SYS(time),
    /* files and the contents of folders; open and openat are below */
    SCMP_SYS(_llseek), SCMP_SYS(access), SCMP_SYS(close), SCMP_SYS(close_range), SCMP_SYS(faccessat),
    SCMP_SYS(fstat), SCMP_SYS(fstat64), SCMP_SYS(fstatat64), SCMP_SYS(getdents), SCMP_SYS(getdents64),
    SCMP_SYS(lseek), SCMP_SYS(lstat), SCMP_SYS(lstat64), SCMP_SYS(newfstatat), SCMP_SYS(read),
    SCMP_SYS(readlink), SCMP_SYS(readlinkat), SCMP_SYS(readv), SCMP_SYS(stat), SCMP_SYS(stat64),
    SCMP_SYS(statx), SCMP_SYS(write), SCMP_SYS(writev),
    /* the worker, requests, syslog; setsockopt, socket, sendto and sendmsg have rules of their own */
    SCMP_SYS(bind), SCMP_SYS(getsockname), SCMP_SYS(getsockopt), SCMP_SYS(poll), SCMP_SYS(ppoll),
    SCMP_SYS(ppoll_time64), SCMP_SYS(recv), SCMP_SYS(recvfrom), SCMP_SYS(recvmsg), SCMP_SYS(send),
    /* rights */
    SCMP_SYS(capget), SCMP_SYS(capset), SCMP_SYS(getegid), SCMP_SYS(getegid32), SCMP_SYS(geteuid),
    SCMP_SYS(geteuid32), SCMP_SYS(getgid), SCMP_SYS(getgid32), SCMP_SYS(getgroups), SCMP_SYS(getgroups32),
    SCMP_SYS(getuid), SCMP_SYS(getuid32), SCMP_SYS(setfsgid), SCMP_SYS(setfsgid32), SCMP_SYS(setfsuid),
    SCMP_SYS(setfsuid32), SCMP_SYS(setgroups), SCMP_SYS(setgroups32)};

/* Opening to read, or to append to the log: never with O_TRUNC; and fcntl(2) cannot remove O_APPEND. */
static bool allow_opening(scmp_filter_ctx filter)
{
    static const struct {
        int call;
        unsigned flags; /* the number of the argument that holds them */
    } ways[] = {{SCMP_SYS(open), 1}, {SCMP_SYS(openat), 2}};
    bool good = true;

    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        const struct scmp_arg_cmp reading =
            filter_has_bits(ways[i].flags, O_ACCMODE | O_CREAT | O_TRUNC, O_RDONLY);
        const struct scmp_arg_cmp appending = filter_has_bits(
            ways[i].flags, O_ACCMODE | O_TRUNC | O_APPEND | O_NOFOLLOW, O_WRONLY | O_APPEND | O_NOFOLLOW);

        good = good && filter_allow_if(filter, ways[i].call, reading) &&
               filter_allow_if(filter, ways[i].call, appending);
    }
    return good;
}

/* Leaves out F_SETOWN and F_SETSIG, which make the kernel send a signal to any process of this user. */
static bool allow_fcntl(scmp_filter_ctx filter)
{
    static const unsigned commands[] = {F_GETFD, F_SETFD, F_GETFL};
    bool good = true;

    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        good = good &&
               filter_allow_if(filter, SCMP_SYS(fcntl), filter_has_bits(1, UINT32_MAX, commands[i])) &&
               filter_allow_if(filter, SCMP_SYS(fcntl64), filter_has_bits(1, UINT32_MAX, commands[i]));
    return good;
}

static scmp_filter_ctx make(void)
{
    const scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));

    if (filter && filter_allow_all(filter, allowed, sizeof allowed / sizeof *allowed) &&
        allow_opening(filter) && allow_fcntl(filter) && filter_allow_memory(filter) &&
        filter_allow_options(filter) && filter_allow_sending(filter) && filter_allow_abort(filter) &&
        filter_allow_if(filter, SCMP_SYS(socket), filter_equals(0, AF_UNIX)) && filter_end_on_running(filter))
        return filter;
    seccomp_release(filter);
    return NULL;
}

static int shut(void)
{
    return filter_load(make);
}
#else
/* A sanitizer's runtime needs far more calls: see relay/sandbox/seccomp.c. */
static int shut(void)
{
    return 0;
}
#endif

bool walls_put_up(void)
{
    int error;

    drop_capabilities();
    error = shut();
    return error != ENOMEM && error != EMFILE && error != ENFILE;
}
