#include "preload/sys/memory.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>

#include "preload/sys/sys.h"

/*
 * process_vm_readv(2) on our own process needs no privilege, and returns EFAULT instead of faulting. If a
 * filter forbids it (or the kernel does not have it), we must trust the pointer.
 */
static ssize_t copy(void *here, const void *there, size_t size, bool writing)
{
    const int saved = errno;
    ssize_t n;

    if (size == 0)
        return 0;
    n = sys_copy_own_memory(here, (void *)(uintptr_t)there, size, writing);
    if (n < 0 && errno != EFAULT) {
        if (writing)
            memcpy((void *)(uintptr_t)there, here, size);
        else
            memcpy(here, there, size);
        n = (ssize_t)size;
    }
    errno = saved;
    return n;
}

bool memory_read(void *to, const void *from, size_t size)
{
    return (from || size == 0) && copy(to, from, size, false) == (ssize_t)size;
}

bool memory_write(void *to, const void *from, size_t size)
{
    return (to || size == 0) && copy((void *)(uintptr_t)from, to, size, true) == (ssize_t)size;
}

bool memory_read_some(void *to, const void *from, size_t size)
{
    ssize_t n;

    if (size == 0)
        return true;
    n = from ? copy(to, from, size, false) : -1;
    if (n <= 0)
        return false;
    memset((char *)to + n, 0, size - (size_t)n);
    return true;
}

/*
 * rt_sigprocmask(2) copies the set before it looks at `how` (kernel/signal.c). Our `how` is invalid, so the
 * error is EFAULT if the kernel cannot read the set, and otherwise EINVAL.
 */
bool memory_is_readable(const void *address)
{
    enum { NOTHING_TO_DO = -1 };
    const uintptr_t set = (uintptr_t)address & ~(uintptr_t)7; /* within one page */
    const int saved = errno;
    bool readable;

    readable =
        memory_is_plausible(address) &&
        !(sys_call(SYS_rt_sigprocmask, NOTHING_TO_DO, set, NULL, sizeof(sys_signals)) < 0 && errno == EFAULT);
    errno = saved;
    return readable;
}
