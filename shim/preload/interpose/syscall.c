/*
 * syscall(2). A program may make calls with it that the library would otherwise not see: it would connect, or
 * start a program, unguarded. So the calls that the library interposes go to its own functions, and all
 * others on. Calls that a program makes by an instruction of its own need a supervisor ('reach both' in
 * retrotls-policy(5)).
 *
 * Left out on purpose: getsockopt(2) and setsockopt(2), which the twins on older kernels showed to lose the
 * relay; setuid(2) and its kin, because libc's change all threads and the system calls only
 * one; and calls whose arguments have another size in libc (a 64-bit time_t or off_t on a 32-bit machine).
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "preload/descriptor/fd_state.h"
#include "preload/interpose/exec.h"
#include "preload/libc/real.h"
#include "preload/sys/export.h"
#include "preload/sys/memory.h"

enum { ARGUMENTS = 6 };

#define NUMBER(i) ((int)argument[i])
#define COUNT(i) ((unsigned)argument[i])
#define SIZE(i) ((size_t)argument[i])
#define POINTER(i) ((void *)(intptr_t)argument[i])

/* CALL(number, what it is in C). */
#define CALLS_EVERYWHERE(CALL)                                                                      \
    CALL(SYS_socket, socket(NUMBER(0), NUMBER(1), NUMBER(2)))                                       \
    CALL(SYS_connect, connect(NUMBER(0), POINTER(1), COUNT(2)))                                     \
    CALL(SYS_getsockname, getsockname(NUMBER(0), POINTER(1), POINTER(2)))                           \
    CALL(SYS_getpeername, getpeername(NUMBER(0), POINTER(1), POINTER(2)))                           \
    CALL(SYS_shutdown, shutdown(NUMBER(0), NUMBER(1)))                                              \
    CALL(SYS_sendto, sendto(NUMBER(0), POINTER(1), SIZE(2), NUMBER(3), POINTER(4), COUNT(5)))       \
    CALL(SYS_sendmsg, sendmsg(NUMBER(0), POINTER(1), NUMBER(2)))                                    \
    CALL(SYS_sendmmsg, sendmmsg(NUMBER(0), POINTER(1), COUNT(2), (sendmmsg_flags)argument[3]))      \
    CALL(SYS_recvfrom, recvfrom(NUMBER(0), POINTER(1), SIZE(2), NUMBER(3), POINTER(4), POINTER(5))) \
    CALL(SYS_recvmsg, recvmsg(NUMBER(0), POINTER(1), NUMBER(2)))                                    \
    CALL(SYS_read, read(NUMBER(0), POINTER(1), SIZE(2)))                                            \
    CALL(SYS_write, write(NUMBER(0), POINTER(1), SIZE(2)))                                          \
    CALL(SYS_readv, readv(NUMBER(0), POINTER(1), NUMBER(2)))                                        \
    CALL(SYS_writev, writev(NUMBER(0), POINTER(1), NUMBER(2)))                                      \
    CALL(SYS_splice, splice(NUMBER(0), POINTER(1), NUMBER(2), POINTER(3), SIZE(4), COUNT(5)))       \
    CALL(SYS_ioctl, ioctl(NUMBER(0), (ioctl_request)argument[1], POINTER(2)))                       \
    CALL(SYS_dup, dup(NUMBER(0)))                                                                   \
    CALL(SYS_dup3, dup3(NUMBER(0), NUMBER(1), NUMBER(2)))

#ifdef SYS_dup2 /* newer architectures have only dup3(2) */
#    define CALLS_HERE(CALL) CALL(SYS_dup2, dup2(NUMBER(0), NUMBER(1)))
#else
#    define CALLS_HERE(CALL)
#endif

#if UINTPTR_MAX > UINT32_MAX
#    define CALLS_OF_64_BITS(CALL)                                              \
        CALL(SYS_fcntl, fcntl(NUMBER(0), NUMBER(1), argument[2]))               \
        CALL(SYS_sendfile, sendfile(NUMBER(0), NUMBER(1), POINTER(2), SIZE(3))) \
        CALL(SYS_recvmmsg, recvmmsg(NUMBER(0), POINTER(1), COUNT(2), (sendmmsg_flags)argument[3], POINTER(4)))
#else
#    define CALLS_OF_64_BITS(CALL)
#endif

#define CALLS(CALL) CALLS_EVERYWHERE(CALL) CALLS_HERE(CALL) CALLS_OF_64_BITS(CALL)

static bool is_interposed(long number)
{
#define CALL(its_number, made) \
    case its_number:           \
        return true;
    switch (number) {
        CALLS(CALL)
    default:
        return false;
    }
#undef CALL
}

static long make(long number, const long argument[ARGUMENTS])
{
#define CALL(its_number, made) \
    case its_number:           \
        return (long)(made);
    switch (number) {
        CALLS(CALL)
    default:
        return -1; /* cannot be: is_interposed() */
    }
#undef CALL
}

/*
 * An allocator reads files by syscall(2) while it gets ready, and cannot serve dlsym(3) then; so such a call
 * must not be the one that looks up libc's functions. Before the constructor has run, numbers are plain
 * unless socket(2) made them, which looks the functions up.
 */
static bool is_plain_transfer(long number, int fd)
{
    return (number == SYS_read || number == SYS_write || number == SYS_readv || number == SYS_writev) &&
           fd_state_is_plain(fd);
}

/* libc's functions are cancellation points, and syscall(2) is none (pthreads(7)). */
static APART long make_without_cancellation(long number, const long argument[ARGUMENTS])
{
    int before;
    long result;

    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
    result = make(number, argument);
    pthread_setcancelstate(before, NULL);
    return result;
}

#ifdef SYS_socketcall
/*
 * Replaces socketcall(2) by the call that it stands for; its arguments are in memory. Left alone if it is
 * none of those above, or the memory cannot be read.
 */
static APART void read_socketcall(long *number, long argument[ARGUMENTS])
{
    /* By the numbers of linux/net.h. */
    static const struct {
        int number, arguments;
    } calls[] = {
        [1] = {SYS_socket, 3},      [3] = {SYS_connect, 3},     [6] = {SYS_getsockname, 3},
        [7] = {SYS_getpeername, 3}, [11] = {SYS_sendto, 6},     [12] = {SYS_recvfrom, 6},
        [13] = {SYS_shutdown, 2},   [14] = {SYS_setsockopt, 5}, [15] = {SYS_getsockopt, 5},
        [16] = {SYS_sendmsg, 3},    [17] = {SYS_recvmsg, 3},    [20] = {SYS_sendmmsg, 4},
    };
    const unsigned long which = (unsigned long)argument[0];
    long its[ARGUMENTS] = {0};

    if (which < sizeof calls / sizeof *calls && calls[which].arguments > 0 &&
        memory_read(its, POINTER(1), (size_t)calls[which].arguments * sizeof *its)) {
        *number = calls[which].number;
        for (int i = 0; i < ARGUMENTS; i++)
            argument[i] = its[i];
    }
}
#endif

/* AddressSanitizer's notes on this frame would outlive a vfork(2) child that becomes a program. */
EXPORTED __attribute__((no_sanitize_address)) long syscall(long number, ...)
{
    long argument[ARGUMENTS];
    va_list list;

    /* As libc does, we read more than the caller may have given. */
    va_start(list, number);
    for (int i = 0; i < ARGUMENTS; i++)
        argument[i] = va_arg(list, long);
    va_end(list);
#ifdef SYS_socketcall
    if (number == SYS_socketcall)
        read_socketcall(&number, argument);
#endif
    if (number == SYS_execve)
        return execve(POINTER(0), POINTER(1), POINTER(2));
#ifdef SYS_execveat /* Linux 3.19 */
    if (number == SYS_execveat)
        return exec_at(NUMBER(0), POINTER(1), POINTER(2), POINTER(3), NUMBER(4));
#endif
    if (is_interposed(number) && !is_plain_transfer(number, NUMBER(0)))
        return make_without_cancellation(number, argument);
    return real.syscall(number, argument[0], argument[1], argument[2], argument[3], argument[4], argument[5]);
}
