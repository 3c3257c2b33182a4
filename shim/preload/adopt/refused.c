#include "preload/adopt/refused.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "preload/sys/sys.h"

/* memfd_create(2), fcntl(2): older headers lack them. */
enum { ADD_SEALS = 1033, GET_SEALS = 1034, SEAL = 1, SHRINK = 2, GROW = 4, WRITE = 8 };
enum { SEALS = SEAL | SHRINK | GROW | WRITE, CLOEXEC = 1, ALLOW_SEALING = 2 };

static atomic_bool any;

bool refused_put(int fd)
{
    const int flags = sys_fcntl(fd, F_GETFD, 0);
    bool good = false;
    int file;

#ifdef SYS_memfd_create
    file = sys_lift((int)sys_call(SYS_memfd_create, "retrotls: refused", CLOEXEC | ALLOW_SEALING));
#else
    file = -1;
    errno = ENOSYS;
#endif
    if (file < 0)
        return false;
    good = sys_fcntl(file, ADD_SEALS, SEALS) == 0 &&
           sys_dup3(file, fd, flags & FD_CLOEXEC ? O_CLOEXEC : 0) == fd;
    const int saved = errno;
    sys_close(file);
    errno = saved;
    if (good)
        atomic_store(&any, true);
    return good;
}

bool refused_is(int fd)
{
    const int saved = errno;
    const bool is = atomic_load(&any) && sys_fcntl(fd, GET_SEALS, 0) == SEALS;

    errno = saved;
    return is;
}
