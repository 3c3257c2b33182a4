#include "preload/relay/clone.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>

#include "preload/sys/sys.h"

#if defined __x86_64__ && !defined __ILP32__

static long call_clone(int (*function)(void *), void *top, int flags, void *argument)
{
    void **const stack = top;
    register long child_tid __asm__("r10") = 0;
    register long tls __asm__("r8") = 0;
    long result;

    stack[-1] = argument;
    stack[-2] = (void *)function;
    __asm__ volatile("syscall\n\t"
                     "test %%rax, %%rax\n\t"
                     "jnz 1f\n\t"
                     "xor %%ebp, %%ebp\n\t"
                     "pop %%rax\n\t"
                     "pop %%rdi\n\t"
                     "call *%%rax\n\t"
                     "hlt\n"
                     "1:"
                     : "=a"(result)
                     : "a"(SYS_clone), "D"((long)flags), "S"(stack - 2), "d"(0L), "r"(child_tid), "r"(tls)
                     : "rcx", "r11", "memory");
    return result;
}

#elif defined __i386__

static long call_clone(int (*function)(void *), void *top, int flags, void *argument)
{
    void **const stack = top;
    long result;

    stack[-4] = argument; /* where the function looks for it; the stack is aligned to 16 at the call */
    stack[-5] = (void *)function;
    __asm__ volatile("int $0x80\n\t"
                     "test %%eax, %%eax\n\t"
                     "jnz 1f\n\t"
                     "xor %%ebp, %%ebp\n\t"
                     "pop %%eax\n\t"
                     "call *%%eax\n\t"
                     "hlt\n"
                     "1:"
                     : "=a"(result)
                     : "a"(SYS_clone), "b"(flags), "c"(stack - 5), "d"(0), "S"(0), "D"(0)
                     : "memory");
    return result;
}

#else

static long call_clone(int (*function)(void *), void *top, int flags, void *argument)
{
    const int result = clone(function, top, flags, argument);

    return result < 0 ? -errno : result;
}

#endif

int clone_on_stack(int (*function)(void *), void *top, int flags, void *argument)
{
    const long result = call_clone(function, top, flags, argument);

    if (result < 0) {
        errno = (int)-result;
        return -1;
    }
    return (int)result;
}

long clone_as_fork(void)
{
#ifdef __s390__ /* clone(2): here the stack comes first */
    return sys_call(SYS_clone, 0, SIGCHLD, 0, 0, 0);
#else
    return sys_call(SYS_clone, SIGCHLD, 0, 0, 0, 0);
#endif
}
