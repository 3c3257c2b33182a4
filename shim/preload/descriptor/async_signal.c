#include "preload/descriptor/async_signal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>

#include "preload/sys/sys.h"

/* Signals as the kernel would; with a plain signal if the owner is not this process. */
static void send_signal(int fd, short events)
{
    struct f_owner_ex owner = {.pid = 0};
    int signal = sys_fcntl(fd, F_GETSIG, 0);
    const uint32_t process = sys_process();
    long sent = -1;
    siginfo_t info;

    memset(&info, 0, sizeof info);
    info.si_code = signal <= 0 ? SI_KERNEL : events & POLLIN ? POLL_IN : POLL_OUT;
    info.si_signo = signal = signal <= 0 ? SIGIO : signal;
    info.si_band = events;
    info.si_fd = fd;
    if (sys_fcntl(fd, F_GETOWN_EX, (long)(intptr_t)&owner) != 0 || owner.pid == 0)
        return;
    if (owner.type == F_OWNER_TID)
        sent = sys_call(SYS_rt_tgsigqueueinfo, process, owner.pid, signal, &info);
    else if (owner.type == F_OWNER_PID)
        sent = sys_call(SYS_rt_sigqueueinfo, owner.pid, signal, &info);
    if (sent != 0)
        sys_call(SYS_kill, owner.type == F_OWNER_PGRP ? -owner.pid : owner.pid, signal);
}

void async_signal_renumber(int fd)
{
    const int saved = errno;
    const int flags = sys_fcntl(fd, F_GETFL, 0);
    struct pollfd now = {.fd = fd, .events = POLLIN | POLLOUT};

    if (flags >= 0 && flags & O_ASYNC && sys_fcntl(fd, F_SETFL, flags & ~O_ASYNC) == 0) {
        sys_fcntl(fd, F_SETFL, flags);
        if (sys_poll(&now, 1, 0) > 0)
            send_signal(fd, now.revents);
    }
    errno = saved;
}

void async_signal_stop(int fd)
{
    const int saved = errno;
    const int flags = sys_fcntl(fd, F_GETFL, 0);

    if (flags >= 0 && flags & O_ASYNC)
        sys_fcntl(fd, F_SETFL, flags & ~O_ASYNC);
    errno = saved;
}
