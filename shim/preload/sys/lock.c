#include "preload/sys/lock.h"

#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "preload/sys/sys.h"

enum { FUTEX_WAIT_PRIVATE_ = 128, FUTEX_WAKE_PRIVATE_ = 129 }; /* futex(2): FUTEX_WAIT, _WAKE | _PRIVATE */

bool lock_take(struct lock *lock, int64_t deadline)
{
    const uint32_t process = sys_process();
    uint32_t holder = 0;

    while (!atomic_compare_exchange_strong(&lock->holder, &holder, process)) {
        struct {
            long seconds, nanoseconds;
        } wait;
        const int64_t left = deadline - sys_milliseconds();

        if (holder != process)
            continue; /* a parent's: the next exchange expects its pid */
        if (left <= 0)
            return false;
        wait.seconds = (long)(left / 1000);
        wait.nanoseconds = (long)(left % 1000 * 1000000);
        sys_call(SYS_futex, &lock->holder, FUTEX_WAIT_PRIVATE_, process, &wait, NULL, 0);
        holder = 0;
    }
    return true;
}

void lock_release(struct lock *lock)
{
    atomic_store(&lock->holder, 0);
    sys_call(SYS_futex, &lock->holder, FUTEX_WAKE_PRIVATE_, 1, NULL, NULL, 0);
}
