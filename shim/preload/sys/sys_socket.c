#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "preload/sys/sys.h"
#include "wire/call_mark.h"

#ifdef SYS_socketcall
/*
 * i386 and s390 had only socketcall(2) before Linux 4.3. It takes its arguments by address, and a system call
 * filter cannot look at them there. So we try the newer calls first.
 */
static long socket_call(int number, int of_old, const long argument[6])
{
    const long result =
        sys_call(number, argument[0], argument[1], argument[2], argument[3], argument[4], argument[5]);

    return result == -1 && errno == ENOSYS ? sys_call(SYS_socketcall, of_old, argument) : result;
}
#    define SOCKET_CALL(NAME, of_old, ...) socket_call(SYS_##NAME, of_old, (const long[6]){__VA_ARGS__})
#else
#    define SOCKET_CALL(NAME, of_old, ...) sys_call(SYS_##NAME, __VA_ARGS__)
#endif
#define ADDRESS(pointer) ((long)(intptr_t)(pointer))

int sys_socket(int domain, int type, int protocol)
{
    return (int)SOCKET_CALL(socket, 1, domain, type | SOCK_CLOEXEC, protocol);
}

int sys_socketpair(int domain, int type, int protocol, int pair[2])
{
    return (int)SOCKET_CALL(socketpair, 8, domain, type | SOCK_CLOEXEC, protocol, ADDRESS(pair));
}

int sys_bind(int fd, const void *address, socklen_t length)
{
    return (int)SOCKET_CALL(bind, 2, fd, ADDRESS(address), (long)length);
}

int sys_listen(int fd, int backlog)
{
    return (int)SOCKET_CALL(listen, 4, fd, backlog);
}

int sys_connect(int fd, const void *address, socklen_t length)
{
    return (int)SOCKET_CALL(connect, 3, CALL_MARKED(fd), ADDRESS(address), (long)length, 0, 0, CALL_SIXTH);
}

int sys_shutdown(int fd, int how)
{
    return (int)SOCKET_CALL(shutdown, 13, CALL_MARKED(fd), how, 0, 0, 0, CALL_SIXTH);
}

int sys_getsockname(int fd, void *address, socklen_t *length)
{
    return (int)SOCKET_CALL(getsockname, 6, CALL_MARKED(fd), ADDRESS(address), ADDRESS(length), 0, 0,
                            CALL_SIXTH);
}

int sys_getpeername(int fd, void *address, socklen_t *length)
{
    return (int)SOCKET_CALL(getpeername, 7, CALL_MARKED(fd), ADDRESS(address), ADDRESS(length), 0, 0,
                            CALL_SIXTH);
}

int sys_getsockopt(int fd, int level, int name, void *value, socklen_t *length)
{
    return (int)SOCKET_CALL(getsockopt, 15, CALL_MARKED(fd), level, name, ADDRESS(value), ADDRESS(length),
                            CALL_SIXTH);
}

int sys_setsockopt(int fd, int level, int name, const void *value, socklen_t length)
{
    return (int)SOCKET_CALL(setsockopt, 14, CALL_MARKED(fd), level, name, ADDRESS(value), (long)length,
                            CALL_SIXTH);
}

ssize_t sys_sendmsg(int fd, const struct msghdr *message, int flags)
{
    return SOCKET_CALL(sendmsg, 16, CALL_MARKED(fd), ADDRESS(message), flags, 0, 0, CALL_SIXTH);
}

ssize_t sys_recvmsg(int fd, struct msghdr *message, int flags)
{
    return SOCKET_CALL(recvmsg, 17, CALL_MARKED(fd), ADDRESS(message), flags, 0, 0, CALL_SIXTH);
}

ssize_t sys_sendto(int fd, const void *bytes, size_t count, int flags, const void *address, socklen_t length)
{
    return SOCKET_CALL(sendto, 11, fd, ADDRESS(bytes), (long)count, flags, ADDRESS(address), (long)length);
}

int sys_sendmmsg(int fd, void *messages, unsigned count, int flags)
{
    return (int)SOCKET_CALL(sendmmsg, 20, CALL_MARKED(fd), ADDRESS(messages), (long)count, flags, 0,
                            CALL_SIXTH);
}
