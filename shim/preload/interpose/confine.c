/*
 * chroot(2), pivot_root(2), setns(2) and a limit on processes do what libc's do. What the program may need of
 * retrotls later is got ready first: see relay_ahead.h.
 *
 * unshare(2) takes nothing away: a new mount namespace shows the same files until the program changes them,
 * and in a new network namespace, where it cannot reach its relay, it starts another.
 */
#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>
#include <unistd.h>

#include "preload/libc/next.h"
#include "preload/relay/relay_ahead.h"
#include "preload/sys/export.h"
#include "preload/sys/memory.h"
#include "preload/sys/sys.h"

enum { NEW_MOUNTS = 0x20000 /* CLONE_NEWNS (sched.h) */ };

/* No header declares it. */
int pivot_root(const char *new_root, const char *put_old);

static int over(int result, const char *call)
{
    if (result == 0)
        relay_ahead_over(call);
    return result;
}

EXPORTED int chroot(const char *path)
{
    int (*const call)(const char *) = next(NEXT_chroot);

    if (!call)
        return -1;
    relay_ahead_of_root();
    return over(call(path), "chroot(2)");
}

EXPORTED int pivot_root(const char *new_root, const char *put_old)
{
    int (*const call)(const char *, const char *) = next(NEXT_pivot_root);

    if (!call)
        return -1;
    relay_ahead_of_root();
    return over(call(new_root, put_old), "pivot_root(2)");
}

/* Type 0 stands for whatever the descriptor is. */
EXPORTED int setns(int fd, int type)
{
    int (*const call)(int, int) = next(NEXT_setns);
    const bool mounts = type == 0 || (type & NEW_MOUNTS) != 0;

    if (!call)
        return -1;
    if (!mounts)
        return call(fd, type);
    relay_ahead_of_root();
    return over(call(fd, type), "setns(2)");
}

/* ---- a limit on processes ---- */

#ifdef __GLIBC__
typedef __rlimit_resource_t resource_number;
#else
/* musl has 64 bits everywhere; its headers make these names others for some of its releases. */
#    undef rlimit64
#    undef setrlimit64
#    undef prlimit64
#    define rlimit64 rlimit
typedef int resource_number;
int setrlimit64(resource_number resource, const struct rlimit64 *limit);
int prlimit64(pid_t process, resource_number resource, const struct rlimit64 *limit, struct rlimit64 *old);
#endif

static bool is_own(pid_t process)
{
    return process == 0 || (uint32_t)process == sys_process();
}

/* A call that fails changes nothing; we may then have started a relay in vain. */
#define LOOK_AHEAD(type, resource, limit)                               \
    do {                                                                \
        type copy;                                                      \
                                                                        \
        if ((resource) == RLIMIT_NPROC && memory_is_plausible(limit) && \
            memory_read(&copy, limit, sizeof copy))                     \
            relay_ahead_of_limit(copy.rlim_cur);                        \
    } while (0)

UNSANITIZED EXPORTED int setrlimit(resource_number resource, const struct rlimit *limit)
{
    int (*const call)(resource_number, const struct rlimit *) = next(NEXT_setrlimit);

    if (!call)
        return -1;
    LOOK_AHEAD(struct rlimit, resource, limit);
    return call(resource, limit);
}

UNSANITIZED EXPORTED int setrlimit64(resource_number resource, const struct rlimit64 *limit)
{
    int (*const call)(resource_number, const struct rlimit64 *) = next(NEXT_setrlimit64);

    if (!call)
        return -1;
    LOOK_AHEAD(struct rlimit64, resource, limit);
    return call(resource, limit);
}

UNSANITIZED EXPORTED int prlimit(pid_t process, resource_number resource, const struct rlimit *limit,
                                 struct rlimit *old)
{
    int (*const call)(pid_t, resource_number, const struct rlimit *, struct rlimit *) = next(NEXT_prlimit);

    if (!call)
        return -1;
    if (is_own(process))
        LOOK_AHEAD(struct rlimit, resource, limit);
    return call(process, resource, limit, old);
}

UNSANITIZED EXPORTED int prlimit64(pid_t process, resource_number resource, const struct rlimit64 *limit,
                                   struct rlimit64 *old)
{
    int (*const call)(pid_t, resource_number, const struct rlimit64 *, struct rlimit64 *) =
        next(NEXT_prlimit64);

    if (!call)
        return -1;
    if (is_own(process))
        LOOK_AHEAD(struct rlimit64, resource, limit);
    return call(process, resource, limit, old);
}
