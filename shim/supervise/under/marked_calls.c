/*
 * libc's socket calls, for the relay. If a supervisor serves the program, the relay has the supervisor's
 * filter too, because the library starts the relay from the program. The supervisor would answer these calls
 * as if the program had made them, or they would fail, because nobody may look into the relay. So they carry
 * the library's mark, and go straight to the kernel. sendmsg(2) and recvmsg(2) go there in any case.
 *
 * We do not replace them where libc uses socketcall(2) (i386 and s390x before Linux 4.3). There, the relay
 * makes these calls through libc; and a supervisor serves no 32-bit program.
 */
#include <stdarg.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "wire/call_mark.h"

#ifndef SYS_socketcall

int getsockname(int fd, struct sockaddr *restrict address, socklen_t *restrict length)
{
    return (int)syscall(SYS_getsockname, CALL_MARKED(fd), address, length, 0, 0, CALL_SIXTH);
}

int getpeername(int fd, struct sockaddr *restrict address, socklen_t *restrict length)
{
    return (int)syscall(SYS_getpeername, CALL_MARKED(fd), address, length, 0, 0, CALL_SIXTH);
}

int getsockopt(int fd, int level, int name, void *restrict value, socklen_t *restrict length)
{
    return (int)syscall(SYS_getsockopt, CALL_MARKED(fd), level, name, value, length, CALL_SIXTH);
}

int setsockopt(int fd, int level, int name, const void *value, socklen_t length)
{
    return (int)syscall(SYS_setsockopt, CALL_MARKED(fd), level, name, value, length, CALL_SIXTH);
}

int shutdown(int fd, int how)
{
    return (int)syscall(SYS_shutdown, CALL_MARKED(fd), how, 0, 0, 0, CALL_SIXTH);
}

#    ifdef __GLIBC__
int ioctl(int fd, unsigned long request, ...)
#    else
int ioctl(int fd, int request, ...)
#    endif
{
    va_list list;
    void *argument;

    va_start(list, request);
    argument = va_arg(list, void *);
    va_end(list);
    return (int)syscall(SYS_ioctl, CALL_MARKED(fd), request, argument, 0, 0, CALL_SIXTH);
}

#endif
