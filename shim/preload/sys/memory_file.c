#include "preload/sys/memory_file.h"

#include <stdbool.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "preload/sys/sys.h"

enum { MEMFD_CLOEXEC = 1, MEMFD_SEALABLE = 2 }; /* old headers lack these */

#ifndef SYS_memfd_create
#    if defined __x86_64__
#        define SYS_memfd_create 319
#    elif defined __i386__
#        define SYS_memfd_create 356
#    else
#        define SYS_memfd_create (-1)
#    endif
#endif

/* ftruncate(2) beyond this limit raises SIGXFSZ. */
static bool may_be_as_long(size_t size)
{
    struct rlimit limit;

    return size == 0 || (getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur >= size);
}

int memory_file(const char *name, size_t size)
{
    int fd = -1;

    if (may_be_as_long(size))
        fd = sys_lift((int)sys_call(SYS_memfd_create, name, MEMFD_CLOEXEC | MEMFD_SEALABLE));
    if (fd >= 0 && size > 0 && ftruncate(fd, (off_t)size) != 0) {
        sys_close(fd);
        return -1;
    }
    return fd;
}
