#include "supervise/dns/forwarder_walls.h"

#include <errno.h>
#include <linux/capability.h>
#include <linux/net.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "monitor/walls/calls.h"
#include "monitor/walls/filter.h"

static bool drop_capabilities(void)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    const struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {{0}};

    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    return syscall(SYS_capset, &head, none) == 0;
}

#ifndef RETROTLS_SANITIZED
static bool filter_calls(void)
{
    static const int allowed[] = {/* waiting, and the descriptors that it receives */
                                  SYS_accept4, SYS_close, SYS_poll, SYS_ppoll, SYS_ppoll_time64, SYS_read,
                                  SYS_recv, SYS_recvfrom, SYS_recvmsg, SYS_send, SYS_shutdown, SYS_write,
                                  /* the process itself */
                                  SYS_exit, SYS_exit_group, SYS_futex, SYS_futex_time64, SYS_getpid,
                                  SYS_gettid, SYS_restart_syscall, SYS_rt_sigprocmask, SYS_rt_sigreturn,
                                  /* time, if the vDSO cannot tell it */
                                  SYS_clock_gettime, SYS_clock_gettime64, SYS_gettimeofday};
    static const unsigned socketcalls[] = {SYS_ACCEPT4, SYS_RECV,    SYS_RECVFROM, SYS_RECVMSG,
                                           SYS_SEND,    SYS_SENDMSG, SYS_SENDTO,   SYS_SHUTDOWN};
    static struct filter filter;
    int error;

    filter_start(&filter, false);
    filter_allow_all(&filter, allowed, sizeof allowed / sizeof *allowed);
    filter_allow_memory(&filter);
    filter_allow_sending(&filter);
    filter_end_on_running(&filter);
    filter_allow_socketcalls(&filter, socketcalls, sizeof socketcalls / sizeof *socketcalls);
    error = filter_load(&filter);
    errno = error;
    return error == 0;
}
#else
/* A sanitizer's run time needs far more calls: see relay/sandbox/seccomp.c. */
static bool filter_calls(void)
{
    return true;
}
#endif

bool forwarder_shut_in(void)
{
    return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           drop_capabilities() && filter_calls();
}
