#include "preload/descriptor/fd_state.h"

#include "preload/interpose/export.h"
#include "preload/sys/sys.h"

_Atomic uint8_t known_states[KNOWN_NUMBERS];
static _Atomic uint32_t owner; /* process; 0: nobody has said so yet */

static atomic_bool distrusted;

void known_start(void)
{
    atomic_store(&owner, atomic_load(&distrusted) ? 0 : sys_process());
}

void known_distrust(void)
{
    atomic_store(&distrusted, true);
    atomic_store(&owner, 0);
    for (int fd = 0; fd < KNOWN_NUMBERS; fd++)
        known_forget(fd);
}

void known_forget(int fd)
{
    if (fd >= 0 && fd < KNOWN_NUMBERS)
        atomic_store_explicit(&known_states[fd], KNOWN_NOTHING, memory_order_release);
}

TOGETHER void known_set(int fd, enum known state)
{
    if (fd >= 0 && fd < KNOWN_NUMBERS && known_of(fd) != state) {
        const enum known seen = atomic_load(&owner) == sys_process() ? state : KNOWN_NOTHING;

        atomic_store_explicit(&known_states[fd], (uint8_t)seen, memory_order_release);
    }
}

void known_copy(int from, int to)
{
    known_set(to, known_of(from));
}
