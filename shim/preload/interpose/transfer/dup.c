/*
 * socket(2), dup(2) and its kin, and descriptors from other processes. Once a number has become a socket, or
 * the duplicate of one, what we knew about it no longer counts (fd_state.h).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/socket.h>

#include "preload/adopt/first_use.h"
#include "preload/libc/io.h"
#include "preload/sys/export.h"
#include "preload/sys/sys.h"

enum { STANDARD_ERROR = 2 }; /* unistd.h declares dup2() with attributes (__THROW) that do not hold here */

/* stdio writes to the standard descriptors without passing any library (bash's printf). */
static void became(int from, int to)
{
    fd_state_copy(from, to);
    if (to <= STANDARD_ERROR && from != to)
        first_use_standard(to);
}

/* A child forked from this process may connect it; the number here is the same socket. */
EXPORTED int socket(int domain, int type, int protocol)
{
    int fd;

    io_ready();
    fd = io.socket(domain, type, protocol);
    fd_state_forget(fd);
    return fd;
}

EXPORTED int dup(int fd)
{
    int copy;

    io_ready();
    copy = io.dup(fd);
    if (copy >= 0)
        became(fd, copy);
    return copy;
}

EXPORTED int dup2(int from, int to)
{
    int copy;

    io_ready();
    copy = io.dup2(from, to);
    if (copy >= 0)
        became(from, copy);
    return copy;
}

EXPORTED int __dup2(int from, int to) __attribute__((alias("dup2")));

EXPORTED int dup3(int from, int to, int flags)
{
    int copy;

    io_ready();
    copy = io.dup3 ? io.dup3(from, to, flags) : sys_dup3(from, to, flags); /* glibc 2.9 */
    if (copy >= 0)
        became(from, copy);
    return copy;
}

static int duplicated(int fd, int command, int result)
{
    if ((command == F_DUPFD || command == F_DUPFD_CLOEXEC) && result >= 0)
        became(fd, result);
    return result;
}

/*
 * The third argument is an int, a pointer, or missing. Reading it as a pointer and passing that on leaves it
 * as it was; libc does the same (sysdeps/unix/sysv/linux/fcntl64.c).
 */
EXPORTED int fcntl(int fd, int command, ...)
{
    va_list list;
    void *argument;

    va_start(list, command);
    argument = va_arg(list, void *);
    va_end(list);
    io_ready();
    return duplicated(fd, command, io.fcntl(fd, command, argument));
}

EXPORTED int __fcntl(int fd, int command, ...) __attribute__((alias("fcntl")));

EXPORTED int fcntl64(int fd, int command, ...)
{
    va_list list;
    void *argument;

    va_start(list, command);
    argument = va_arg(list, void *);
    va_end(list);
    io_ready();
    return duplicated(fd, command, io.fcntl64(fd, command, argument));
}

/* For 32-bit programs with a 64-bit time_t. */
EXPORTED int __fcntl_time64(int fd, int command, ...);
EXPORTED int __fcntl_time64(int fd, int command, ...)
{
    va_list list;
    void *argument;

    va_start(list, command);
    argument = va_arg(list, void *);
    va_end(list);
    io_ready();
    return duplicated(fd, command, io.fcntl_time64(fd, command, argument));
}

EXPORTED int pidfd_getfd(int process, int fd, unsigned flags);
EXPORTED int pidfd_getfd(int process, int fd, unsigned flags)
{
    int copy = -1;

    io_ready();
    if (io.pidfd_getfd)
        copy = io.pidfd_getfd(process, fd, flags);
    else
        errno = ENOSYS;
    if (copy >= 0)
        first_use_received(copy);
    return copy;
}
