#include <errno.h>
#include <fcntl.h>

#include "preload/descriptor/async_signal.h"
#include "preload/descriptor/switch.h"
#include "preload/guard/guard.h"
#include "preload/guard/replaced.h"
#include "preload/libc/real.h"
#include "preload/sys/lock.h"
#include "preload/sys/sys.h"

/* Two threads may connect one socket. Each must see only the program's numbers, not the other thread's. */
static struct lock lock;

/*
 * The relay has the copy now. Meanwhile we put the program's socket under the copy's number, to note it as
 * replaced once no number of the program refers to it, or to put it back if switching fails.
 */
static bool switch_from_copied(const struct guard *guard, int end)
{
    struct slot *const slot = guard->slot;
    const int old = slot_descriptor(slot, SLOT_TCP);
    uint64_t cookie;
    bool good;

    errno = EBADF;
    if (old < 0 || !sys_cookie(guard->fd, &cookie) || cookie != guard->cookie ||
        !switch_replace(old, guard->fd, O_CLOEXEC))
        return false;
    slot_renew(slot, SLOT_TCP, guard->cookie);
    good = switch_all(guard->fd, guard->cookie, end, old);
    if (good) {
        replaced_set(old, slot->held[SLOT_PROGRAM_END].cookie);
    } else {
        const int saved = errno;

        switch_all(end, slot->held[SLOT_PROGRAM_END].cookie, old, end);
        errno = saved;
    }
    slot_drop(slot, SLOT_TCP);
    return good;
}

static bool switch_alone(const struct guard *guard, int end)
{
    bool good;

    if (!lock_take(&lock, sys_milliseconds() + RELAY_DEADLINE)) {
        errno = ETIMEDOUT;
        return false;
    }
    good = switch_from_copied(guard, end);
    const int saved = errno;
    lock_release(&lock);
    errno = saved;
    return good;
}

bool guard_switch(const struct guard *guard, int end)
{
    /* Another preload may know the copy's number (guarded_connect.c) and must see it closed. */
    if (guard->has_copy && !guard_connects_by_another(guard))
        return switch_alone(guard, end);
    /* From now on the pair signals; encrypted data on the TCP socket is no news to the program. */
    async_signal_stop(guard->fd);
    return switch_all(guard->fd, guard->cookie, end, -1);
}

bool guard_connects_by_another(const struct guard *guard)
{
    return !guard->client && real_connect_is_anothers();
}

bool guard_show_tcp(const struct guard *guard)
{
    const int tcp = guard_tcp(guard);

    return tcp >= 0 && switch_carry(guard->fd, tcp) && switch_all(guard->fd, guard->cookie, tcp, tcp);
}
