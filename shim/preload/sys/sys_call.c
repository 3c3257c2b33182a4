#include <dlfcn.h>
#include <errno.h>
#include <unistd.h>

#include "preload/sys/export.h"
#include "preload/sys/sys.h"

/* Each returns what the kernel does: a number from -4095 to -1 is an errno. */
#if defined __x86_64__ && !defined __ILP32__

static long enter(long number, const long argument[6])
{
    register long r10 __asm__("r10") = argument[3];
    register long r8 __asm__("r8") = argument[4];
    register long r9 __asm__("r9") = argument[5];
    long result;

    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "0"(number), "D"(argument[0]), "S"(argument[1]), "d"(argument[2]), "r"(r10), "r"(r8),
                       "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
}

#elif defined __i386__

/* This needs all seven registers, even those that the compiler keeps for itself. */
static long enter(long number, const long argument[6])
{
    long result;

    __asm__ volatile("pushl %%ebx\n\t"
                     "pushl %%esi\n\t"
                     "pushl %%edi\n\t"
                     "pushl %%ebp\n\t"
                     "movl 0(%%ecx), %%ebx\n\t"
                     "movl 8(%%ecx), %%edx\n\t"
                     "movl 12(%%ecx), %%esi\n\t"
                     "movl 16(%%ecx), %%edi\n\t"
                     "movl 20(%%ecx), %%ebp\n\t"
                     "movl 4(%%ecx), %%ecx\n\t"
                     "int $0x80\n\t"
                     "popl %%ebp\n\t"
                     "popl %%edi\n\t"
                     "popl %%esi\n\t"
                     "popl %%ebx"
                     : "=a"(result), "+c"(argument)
                     : "0"(number)
                     : "edx", "memory", "cc");
    return result;
}

#else

/* libc's, because the library interposes syscall(2) too. */
static long enter(long number, const long argument[6])
{
    static long (*libcs)(long, ...);
    long result;

    if (!libcs)
        *(void **)&libcs = dlsym(RTLD_NEXT, "syscall");
    result = libcs(number, argument[0], argument[1], argument[2], argument[3], argument[4], argument[5]);

    return result == -1 ? -errno : result;
}

#endif

/*
 * execve(2) and exit_group(2) do not return, and relay_spawn.c calls them in a process that shares its
 * parent's memory. AddressSanitizer's notes on this frame would outlive the stack that it is on.
 */
__attribute__((no_sanitize_address)) TOGETHER long sys_call_6(long number, long a, long b, long c, long d,
                                                              long e, long f)
{
    const long argument[6] = {a, b, c, d, e, f};
    const long result = enter(number, argument);

    if (result < 0 && result > -4096) {
        errno = (int)-result;
        return -1;
    }
    return result;
}
