#include "preload/libc/real.h"

#include <dlfcn.h>
#include <stdarg.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "preload/libc/exec_calls.h"
#include "preload/sys/own_code.h"
#include "preload/sys/sys.h"
#include "wire/call_mark.h"

static int first_connect(int fd, const struct sockaddr *address, socklen_t length)
{
    real_start();
    return real.connect(fd, address, length);
}

static int first_getpeername(int fd, struct sockaddr *address, socklen_t *length)
{
    real_start();
    return real.getpeername(fd, address, length);
}

static int first_getsockname(int fd, struct sockaddr *address, socklen_t *length)
{
    real_start();
    return real.getsockname(fd, address, length);
}

static int first_getsockopt(int fd, int level, int name, void *value, socklen_t *length)
{
    real_start();
    return real.getsockopt(fd, level, name, value, length);
}

static int first_setsockopt(int fd, int level, int name, const void *value, socklen_t length)
{
    real_start();
    return real.setsockopt(fd, level, name, value, length);
}

static ssize_t first_sendto(int fd, const void *bytes, size_t count, int flags,
                            const struct sockaddr *address, socklen_t length)
{
    real_start();
    return real.sendto(fd, bytes, count, flags, address, length);
}

static ssize_t first_sendmsg(int fd, const struct msghdr *message, int flags)
{
    real_start();
    return real.sendmsg(fd, message, flags);
}

static int first_sendmmsg(int fd, struct mmsghdr *messages, unsigned count, sendmmsg_flags flags)
{
    real_start();
    return real.sendmmsg(fd, messages, count, flags);
}

static int first_shutdown(int fd, int how)
{
    real_start();
    return real.shutdown(fd, how);
}

static int first_close(int fd)
{
    real_start();
    return real.close(fd);
}

static int first_ioctl(int fd, ioctl_request request, ...)
{
    va_list list;
    void *argument;

    va_start(list, request);
    argument = va_arg(list, void *);
    va_end(list);
    real_start();
    return real.ioctl(fd, request, argument);
}

/* An allocator may call it before it can serve dlsym(3), so this is the stand-in too. */
static long call_syscall(long number, ...)
{
    long argument[6];
    va_list list;

    va_start(list, number);
    for (int i = 0; i < 6; i++)
        argument[i] = va_arg(list, long);
    va_end(list);
    return sys_call(number, argument[0], argument[1], argument[2], argument[3], argument[4], argument[5]);
}

struct real real = {
    .connect = first_connect,
    .getpeername = first_getpeername,
    .getsockname = first_getsockname,
    .getsockopt = first_getsockopt,
    .setsockopt = first_setsockopt,
    .sendto = first_sendto,
    .sendmsg = first_sendmsg,
    .sendmmsg = first_sendmmsg,
    .shutdown = first_shutdown,
    .close = first_close,
    .ioctl = first_ioctl,
    .syscall = call_syscall,
};

static bool connect_is_behind, connect_is_anothers;

/* The system calls themselves, for a libc whose functions dlsym() does not find. */

static int call_connect(int fd, const struct sockaddr *address, socklen_t length)
{
    return sys_connect(fd, address, length);
}

static int call_getpeername(int fd, struct sockaddr *address, socklen_t *length)
{
    return sys_getpeername(fd, address, length);
}

static int call_getsockname(int fd, struct sockaddr *address, socklen_t *length)
{
    return sys_getsockname(fd, address, length);
}

static ssize_t call_sendto(int fd, const void *bytes, size_t count, int flags, const struct sockaddr *address,
                           socklen_t length)
{
    return sys_sendto(fd, bytes, count, flags, address, length);
}

static int call_sendmmsg(int fd, struct mmsghdr *messages, unsigned count, sendmmsg_flags flags)
{
    return sys_sendmmsg(fd, messages, count, (int)flags);
}

static int call_ioctl(int fd, ioctl_request request, ...)
{
    va_list list;
    void *argument;

    va_start(list, request);
    argument = va_arg(list, void *);
    va_end(list);
    return (int)sys_call(SYS_ioctl, CALL_MARKED(fd), request, argument, 0, 0, CALL_SIXTH);
}

/*
 * dlsym() returns a data pointer, which POSIX allows us to use as a function's (dlsym(3), NOTES). Each member
 * is written whole, so that another thread sees either the stand-in or the function.
 */
#define LOOK_UP(member, otherwise)                                                             \
    do {                                                                                       \
        void *const found = dlsym(RTLD_NEXT, #member);                                         \
        if (found)                                                                             \
            __atomic_store(&real.member, (__typeof__(real.member) *)&found, __ATOMIC_RELEASE); \
        else                                                                                   \
            real.member = (otherwise);                                                         \
    } while (0)

enum {
    LINES = 0
#define REAL(name, libc, doctor, otherwise) +1
#include "preload/calls.def"
};

_Static_assert(sizeof(struct real) / sizeof(void (*)(void)) == LINES + 1,
               "each member of struct real but close() has a line in calls.def");

void real_start(void)
{
    const void *first;
    void *own;

    LOOK_UP(close, sys_close);
#define REAL(name, libc, doctor, otherwise) LOOK_UP(name, otherwise);
#include "preload/calls.def"
    own = dlsym(RTLD_NEXT, "__connect");
    first = dlsym(RTLD_DEFAULT, "connect");
    connect_is_behind = first && !own_code_has(first);
    connect_is_anothers = own && memcmp(&own, &real.connect, sizeof own) != 0;
}

void real_mark_calls(void)
{
    if (!connect_is_anothers)
        real.connect = call_connect;
    real.getpeername = call_getpeername;
    real.getsockname = call_getsockname;
    real.getsockopt = sys_getsockopt;
    real.setsockopt = sys_setsockopt;
    real.shutdown = sys_shutdown;
    real.ioctl = call_ioctl;
}

bool real_connect_is_behind(void)
{
    return connect_is_behind;
}

bool real_connect_is_anothers(void)
{
    return connect_is_anothers;
}
