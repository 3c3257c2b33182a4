#include "preload/sys/sys.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "policy/old_stat.h"
#include "preload/sys/export.h"
#include "wire/wire.h"

enum {
    SIGNALS = 64,
    FIRST_REALTIME = 32, /* of the kernel; SIGRTMIN is the first that libc leaves to programs */
};

#ifndef SYS_statx /* older headers */
#    define SYS_statx -1
#endif
#ifndef SO_COOKIE
#    define SO_COOKIE 57
#endif

/* What the old system calls take, whatever libc's time_t is. */
struct kernel_timespec {
    long seconds, nanoseconds;
};

int sys_close(int fd)
{
    return (int)sys_call(SYS_close, fd);
}

int sys_open(const char *path, int flags, unsigned mode)
{
    return (int)sys_call(SYS_openat, AT_FDCWD, path, flags | O_CLOEXEC, mode);
}

ssize_t sys_read(int fd, void *buffer, size_t size)
{
    return sys_call(SYS_read, fd, buffer, size);
}

ssize_t sys_writev(int fd, const struct iovec *pieces, int count)
{
    return sys_call(SYS_writev, fd, pieces, count);
}

ssize_t sys_readlink(const char *path, char *buffer, size_t size)
{
    return sys_call(SYS_readlinkat, AT_FDCWD, path, buffer, size);
}

ssize_t sys_getdents(int fd, void *buffer, size_t size)
{
    return sys_call(SYS_getdents64, fd, buffer, size);
}

int sys_fcntl(int fd, int command, long argument)
{
#ifdef SYS_fcntl64
    return (int)sys_call(SYS_fcntl64, fd, command, argument);
#else
    return (int)sys_call(SYS_fcntl, fd, command, argument);
#endif
}

int sys_ioctl(int fd, unsigned long request, void *argument)
{
    return (int)sys_call(SYS_ioctl, fd, request, argument);
}

int sys_dup3(int from, int to, int flags)
{
    return (int)sys_call(SYS_dup3, from, to, flags);
}

int sys_poll(struct pollfd *set, unsigned count, int milliseconds)
{
    struct kernel_timespec wait = {milliseconds / 1000, milliseconds % 1000 * 1000000L};

    return (int)sys_call(SYS_ppoll, set, count, milliseconds < 0 ? NULL : &wait, NULL, sizeof(sys_signals));
}

int sys_option(int fd, int level, int name, int otherwise)
{
    int value = 0;
    socklen_t length = sizeof value;

    return sys_getsockopt(fd, level, name, &value, &length) == 0 ? value : otherwise;
}

bool sys_cookie(int fd, uint64_t *cookie)
{
    socklen_t length = sizeof *cookie;
    const int saved = errno;
    uint32_t owner;

    /* Try twice: if we cannot tell who owns a descriptor, we leave it open. */
    for (int left = 2; fd >= 0 && left > 0; left--) {
        if (sys_getsockopt(fd, SOL_SOCKET, SO_COOKIE, cookie, &length) == 0)
            return true;
        if (errno != ENOMEM && errno != ENOBUFS)
            break;
    }
    /* EINVAL: qemu-user takes every option for an int. */
    if (fd < 0 || (errno != ENOPROTOOPT && errno != EINVAL) || !sys_inode(fd, cookie, &owner))
        return false;
    *cookie |= WIRE_COOKIE_OF_INODE;
    errno = saved;
    return true;
}

/* Before Linux 4.11. */
static bool old_inode(int fd, uint64_t *inode, uint32_t *owner)
{
#ifdef SYS_old_stat
    const int at_empty_path = 0x1000;
    struct old_stat found;
    uint64_t device;
    uint32_t mode;

    if (sys_call(SYS_old_stat, fd, "", &found, at_empty_path) != 0)
        return false;
    old_stat_read(&found, &device, inode, owner, &mode);
    return true;
#else
    (void)fd;
    (void)inode;
    (void)owner;
    return false;
#endif
}

bool sys_inode(int fd, uint64_t *inode, uint32_t *owner)
{
    /* struct statx of statx(2), the same for 32 and 64 bits; Linux 4.11. */
    struct {
        uint32_t mask, block_size;
        uint64_t attributes;
        uint32_t links, uid, gid;
        uint16_t mode, spare;
        uint64_t inode;
        uint8_t rest[256 - 40];
    } found;
    const int at_empty_path = 0x1000, statx_uid = 0x8, statx_ino = 0x100;

    memset(&found, 0, sizeof found);
    if (sys_call(SYS_statx, fd, "", at_empty_path, statx_uid | statx_ino, &found) != 0)
        return errno == ENOSYS && old_inode(fd, inode, owner);
    *inode = found.inode;
    *owner = found.uid;
    return true;
}

int sys_lift(int fd)
{
    int lifted;

    if (fd < 0 || fd > STDERR_FILENO)
        return fd;
    lifted = sys_fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    const int saved = errno;
    sys_close(fd);
    errno = saved;
    return lifted;
}

ssize_t sys_copy_own_memory(void *here, void *there, size_t size, bool writing)
{
    const struct iovec local = {here, size}, remote = {there, size};

    return sys_call(writing ? SYS_process_vm_writev : SYS_process_vm_readv, sys_process(), &local, 1, &remote,
                    1, 0);
}

TOGETHER uint32_t sys_process(void)
{
    return (uint32_t)sys_call(SYS_getpid);
}

uint32_t sys_thread(void)
{
    return (uint32_t)sys_call(SYS_gettid);
}

bool sys_thread_exists(uint32_t process, uint32_t thread)
{
    return sys_call(SYS_tgkill, process, thread, 0) == 0 || errno != ESRCH;
}

bool sys_permitted(uint64_t *capabilities)
{
    /* linux/capability.h, which not every libc has headers of: version 3 */
    const uint32_t header[2] = {0x20080522, 0};
    struct {
        uint32_t effective, permitted, inheritable;
    } data[2] = {{0}};
    const int saved = errno;
    const bool good = sys_call(SYS_capget, header, data) == 0;

    *capabilities = data[0].permitted | (uint64_t)data[1].permitted << 32;
    errno = saved;
    return good;
}

/* This function takes the kernel's structure; for a 64-bit time_t, libc has another (__clock_gettime64). */
typedef int (*clock_call)(clockid_t clock, struct kernel_timespec *now);
static _Atomic clock_call libcs_clock;

void sys_start(void)
{
    void *const found = dlsym(RTLD_DEFAULT, "clock_gettime");
    clock_call call = NULL;

    /* POSIX lets us use this data pointer as a function's (dlsym(3), NOTES). */
    memcpy(&call, &found, sizeof call);
    atomic_store_explicit(&libcs_clock, call, memory_order_relaxed);
}

int64_t sys_nanoseconds(void)
{
    struct kernel_timespec now = {0, 0};
    const clock_call call = atomic_load_explicit(&libcs_clock, memory_order_relaxed);

    if (!call || call(CLOCK_MONOTONIC, &now) != 0)
        sys_call(SYS_clock_gettime, CLOCK_MONOTONIC, &now);
    return (int64_t)now.seconds * 1000000000 + now.nanoseconds;
}

int64_t sys_milliseconds(void)
{
    return sys_nanoseconds() / 1000000;
}

int64_t sys_time(void)
{
    struct kernel_timespec now = {0, 0};
#ifdef SYS_clock_gettime64 /* Linux 5.1: for machines where a long is too short from 2038 on */
    int64_t longer[2];

    if (sys_call(SYS_clock_gettime64, CLOCK_REALTIME, longer) == 0)
        return longer[0];
#endif
    sys_call(SYS_clock_gettime, CLOCK_REALTIME, &now);
    return now.seconds;
}

void sys_pause(int milliseconds)
{
    sys_poll(NULL, 0, milliseconds);
}

bool sys_random(void *buffer, size_t size)
{
    ssize_t got;
    int fd;

#ifdef SYS_getrandom
    if (sys_call(SYS_getrandom, buffer, size, 0) == (long)size)
        return true;
#endif
    fd = sys_open("/dev/urandom", O_RDONLY, 0);
    if (fd < 0)
        return false;
    got = sys_read(fd, buffer, size);
    sys_close(fd);
    return got == (ssize_t)size;
}

sys_signals sys_signals_block(void)
{
    const sys_signals all = {UINT64_MAX & ~(UINT64_C(1) << (SIGSYS - 1))};
    sys_signals saved = {0};

    sys_call(SYS_rt_sigprocmask, SIG_SETMASK, &all, &saved, sizeof saved);
    return saved;
}

/* The kernel's struct sigaction begins with the handler and the flags; on MIPS, the flags come first. */
struct kernel_action {
#ifdef __mips__
    unsigned flags;
    uintptr_t handler;
#else
    uintptr_t handler;
    unsigned long flags;
#endif
    char rest[64];
};

static bool interrupts(int number)
{
    struct kernel_action action = {.handler = 0};

    return sys_call(SYS_rt_sigaction, number, NULL, &action, sizeof(sys_signals)) == 0 &&
           action.handler != (uintptr_t)SIG_DFL && action.handler != (uintptr_t)SIG_IGN &&
           !(action.flags & SA_RESTART);
}

bool sys_signals_interrupt(sys_signals saved)
{
    sys_signals pending = {0};

    if (sys_call(SYS_rt_sigpending, &pending, sizeof pending) != 0)
        return false;
    pending.bits &= ~saved.bits;
    for (int number = 1; number <= SIGNALS; number++) {
        const bool libcs_own = number >= FIRST_REALTIME && number < SIGRTMIN; /* one cancels threads */

        if (pending.bits >> (number - 1) & 1 && !libcs_own && interrupts(number))
            return true;
    }
    return false;
}

void sys_signals_restore(sys_signals saved)
{
    const int kept = errno;

    sys_call(SYS_rt_sigprocmask, SIG_SETMASK, &saved, NULL, sizeof saved);
    errno = kept;
}
