#include "preload/descriptor/fd_state.h"

#include "preload/sys/export.h"
#include "preload/sys/sys.h"

_Atomic uint8_t fd_states[FD_STATE_NUMBERS];
static _Atomic uint32_t owner; /* process; 0: none yet */

static atomic_bool distrusted;

void fd_state_start(void)
{
    atomic_store(&owner, atomic_load(&distrusted) ? 0 : sys_process());
}

void fd_state_distrust(void)
{
    atomic_store(&distrusted, true);
    atomic_store(&owner, 0);
    for (int fd = 0; fd < FD_STATE_NUMBERS; fd++)
        fd_state_forget(fd);
}

void fd_state_forget(int fd)
{
    if (fd >= 0 && fd < FD_STATE_NUMBERS)
        atomic_store_explicit(&fd_states[fd], FD_STATE_NOTHING, memory_order_release);
}

TOGETHER void fd_state_set(int fd, enum fd_state state)
{
    if (fd >= 0 && fd < FD_STATE_NUMBERS && fd_state_of(fd) != state) {
        const enum fd_state seen = atomic_load(&owner) == sys_process() ? state : FD_STATE_NOTHING;

        atomic_store_explicit(&fd_states[fd], (uint8_t)seen, memory_order_release);
    }
}

void fd_state_copy(int from, int to)
{
    fd_state_set(to, fd_state_of(from));
}
