#include "monitor/walls/walls.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/net.h>
#include <netinet/in.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "monitor/walls/calls.h"
#include "monitor/walls/filter.h"

/* ---- capabilities ---- */

/*
 * For files and their folders; for taking on the program's user and groups; for reading in /proc/PID/ns
 * whether the program shares our user namespace (ptrace(2), PTRACE_MODE_READ_FSCREDS); for SO_MARK,
 * SO_BINDTODEVICE and the like.
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

enum { SOCK_TYPE_MASK = 0xf /* include/linux/net.h; the rest are flags */ };

#ifndef RETROTLS_SANITIZED
static const int allowed[] = {
    /* memory; mmap and mprotect have rules of their own */
    SYS_brk, SYS_madvise, SYS_mremap, SYS_munmap, SYS_sysinfo,
    /* the process itself, its threads, the end of its worker, and whether a program still runs */
    SYS_exit, SYS_exit_group, SYS_futex, SYS_futex_time64, SYS_getpid, SYS_getppid, SYS_gettid,
    SYS_membarrier, SYS_pidfd_open, SYS_restart_syscall, SYS_rseq, SYS_rt_sigaction, SYS_rt_sigprocmask,
    SYS_rt_sigreturn, SYS_sched_getaffinity, SYS_sched_yield, SYS_set_robust_list, SYS_wait4, SYS_waitpid,
    /* time and randomness, if there is no vDSO for them */
    SYS_clock_getres, SYS_clock_gettime, SYS_clock_gettime64, SYS_clock_nanosleep, SYS_clock_nanosleep_time64,
    SYS_getrandom, SYS_gettimeofday, SYS_nanosleep, SYS_time,
    /* files and the contents of folders; open and openat are below */
    SYS__llseek, SYS_access, SYS_close, SYS_close_range, SYS_faccessat, SYS_fstat, SYS_fstat64, SYS_fstatat64,
    SYS_getdents, SYS_getdents64, SYS_lseek, SYS_lstat, SYS_lstat64, SYS_newfstatat, SYS_read, SYS_readlink,
    SYS_readlinkat, SYS_readv, SYS_stat, SYS_stat64, SYS_statx, SYS_write, SYS_writev,
    /* sockets; setsockopt, socket, socketpair, sendto and sendmsg have rules of their own */
    SYS_bind, SYS_getsockname, SYS_getsockopt, SYS_poll, SYS_ppoll, SYS_ppoll_time64, SYS_recv, SYS_recvfrom,
    SYS_recvmsg, SYS_send,
    /* rights */
    SYS_capget, SYS_capset, SYS_getegid, SYS_getegid32, SYS_geteuid, SYS_geteuid32, SYS_getgid, SYS_getgid32,
    SYS_getgroups, SYS_getgroups32, SYS_getuid, SYS_getuid32, SYS_setfsgid, SYS_setfsgid32, SYS_setfsuid,
    SYS_setfsuid32, SYS_setgroups, SYS_setgroups32};

/* None for options: see relay/sandbox/seccomp.c. */
static const unsigned socketcalls[] = {SYS_BIND,     SYS_GETSOCKNAME, SYS_GETSOCKOPT, SYS_RECV,
                                       SYS_RECVFROM, SYS_RECVMSG,     SYS_SEND,       SYS_SENDMSG,
                                       SYS_SENDTO,   SYS_SOCKET,      SYS_SOCKETPAIR};

/*
 * Allows opening to read, or to append to the log, but never with O_TRUNC. And fcntl(2) cannot remove
 * O_APPEND.
 */
static void allow_opening(struct filter *f)
{
    static const struct {
        int call;
        unsigned flags; /* the number of the argument that holds them */
    } ways[] = {{SYS_open, 1}, {SYS_openat, 2}};

    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        filter_allow_if(f, ways[i].call,
                        filter_has_bits(ways[i].flags, O_ACCMODE | O_CREAT | O_TRUNC, O_RDONLY));
        filter_allow_if(f, ways[i].call,
                        filter_has_bits(ways[i].flags, O_ACCMODE | O_TRUNC | O_APPEND | O_NOFOLLOW,
                                        O_WRONLY | O_APPEND | O_NOFOLLOW));
    }
}

/* Leaves out F_SETOWN and F_SETSIG, which make the kernel signal any process of this user. */
static void allow_fcntl(struct filter *f)
{
    static const unsigned commands[] = {F_GETFD, F_SETFD, F_GETFL};

    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        filter_allow_if(f, SYS_fcntl, filter_has_bits(1, UINT32_MAX, commands[i]));
        filter_allow_if(f, SYS_fcntl64, filter_has_bits(1, UINT32_MAX, commands[i]));
    }
}

/*
 * For a program's socket, to the address that the program's request names (monitor/take.c). The sockets that
 * this process can make are of AF_UNIX and for datagrams: connecting one of these gives it nothing that
 * sendto(2) does not.
 */
static void allow_connecting(struct filter *f)
{
    filter_allow_if(f, SYS_connect, filter_has_bits(2, UINT32_MAX, sizeof(struct sockaddr_in)));
    filter_allow_if(f, SYS_connect, filter_has_bits(2, UINT32_MAX, sizeof(struct sockaddr_in6)));
}

void walls_rules(struct filter *f)
{
    filter_start(f, false);
    filter_allow_all(f, allowed, sizeof allowed / sizeof *allowed);
    allow_opening(f);
    allow_fcntl(f);
    allow_connecting(f);
    filter_allow_memory(f);
    filter_allow_options(f);
    filter_allow_sending(f);
    filter_allow_abort(f);
    filter_allow_threads(f);
    filter_allow_if_both(f, SYS_socket, filter_equals(0, AF_UNIX),
                         filter_has_bits(1, SOCK_TYPE_MASK, SOCK_DGRAM));
    filter_allow_if(f, SYS_socketpair, filter_equals(0, AF_UNIX));
    filter_end_on_running(f);
    filter_allow_socketcalls(f, socketcalls, sizeof socketcalls / sizeof *socketcalls);
}

static int shut(void)
{
    struct filter filter;

    walls_rules(&filter);
    return filter_load(&filter);
}
#else
/* A sanitizer's runtime needs many more calls: see relay/sandbox/seccomp.c. */
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
