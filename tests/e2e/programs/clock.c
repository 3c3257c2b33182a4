/*
 * For LD_PRELOAD: the wall clock is wrong by as many seconds as the file CLOCK says, a 64-bit number that may
 * change at any time. CLOCK_MONOTONIC stays right: no kernel sets it.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

static const volatile int64_t *wrong;

__attribute__((constructor)) static void start(void)
{
    const char *const path = getenv("CLOCK");
    const int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;

    if (fd < 0)
        return;
    wrong = mmap(NULL, sizeof *wrong, PROT_READ, MAP_SHARED, fd, 0);
    if (wrong == MAP_FAILED)
        abort();
    close(fd);
}

EXPORT int clock_gettime(clockid_t clock, struct timespec *now)
{
    const int result = (int)syscall(SYS_clock_gettime, clock, now);

    if (result == 0 && clock == CLOCK_REALTIME && wrong)
        now->tv_sec += (time_t)*wrong;
    return result;
}

EXPORT int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
    struct timespec exact;

    (void)zone;
    clock_gettime(CLOCK_REALTIME, &exact);
    *now = (struct timeval){.tv_sec = exact.tv_sec, .tv_usec = exact.tv_nsec / 1000};
    return 0;
}

EXPORT time_t time(time_t *where)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    if (where)
        *where = now.tv_sec;
    return now.tv_sec;
}
