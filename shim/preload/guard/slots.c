#include "preload/guard/slots.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "preload/sys/sys.h"

enum { CHUNK_SLOTS = 8, CHUNKS_LIMIT = SLOTS_LIMIT / CHUNK_SLOTS };

/* Mapped as needed and never unmapped: a program that never connects pays nothing. */
static _Atomic(struct slot *) chunks[CHUNKS_LIMIT];

static bool on_alternate_stack(void)
{
    stack_t stack = {.ss_flags = 0};

    return sys_call(SYS_sigaltstack, NULL, &stack) == 0 && stack.ss_flags & SS_ONSTACK;
}

/* Stacks grow down: a frame that is not deeper than the slot's shows that the slot's call is over. */
static bool is_over(const struct slot *slot, uintptr_t frame, bool alternate)
{
    return slot->alternate == alternate && frame >= slot->frame;
}

/* After vfork(2) the slots of two processes are in one memory. */
static uint64_t caller(void)
{
    return (uint64_t)sys_process() << 32 | sys_thread();
}

static bool claim(struct slot *slot, uint64_t from, uint64_t owner)
{
    return atomic_compare_exchange_strong(&slot->owner, &from, owner);
}

static struct slot *at(size_t index)
{
    struct slot *const chunk = atomic_load_explicit(&chunks[index / CHUNK_SLOTS], memory_order_acquire);

    return chunk ? chunk + index % CHUNK_SLOTS : NULL;
}

/* True if the thread or its process has ended. */
static bool is_gone(uint64_t owner)
{
    return !sys_thread_exists((uint32_t)(owner >> 32), (uint32_t)owner);
}

static void empty(struct slot *slot)
{
    for (int part = 0; part < SLOT_PARTS; part++)
        slot_drop(slot, (enum slot_part)part);
    slot->filler = 0;
}

/* Releases the slots of all calls that are over, left by longjmp(3) or by a cancelled thread. */
static void sweep(uint64_t owner, uintptr_t frame)
{
    const bool alternate = on_alternate_stack();
    struct slot *slot;

    for (size_t i = 0; i < SLOTS_LIMIT && (slot = at(i)); i++) {
        const uint64_t other = atomic_load(&slot->owner);

        if (other == 0)
            continue;
        if (other == owner ? is_over(slot, frame, alternate) : is_gone(other) && claim(slot, other, owner))
            slot_release(slot);
    }
}

static struct slot *find_free(uint64_t owner)
{
    struct slot *slot;

    for (size_t i = 0; i < SLOTS_LIMIT && (slot = at(i)); i++) {
        if (atomic_load(&slot->owner) == 0 && claim(slot, 0, owner))
            return slot;
    }
    return NULL;
}

static bool grow(void)
{
    const size_t size = CHUNK_SLOTS * sizeof(struct slot);
    struct slot *const chunk = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (chunk == MAP_FAILED)
        return false;
    for (int i = 0; i < CHUNK_SLOTS; i++)
        for (int part = 0; part < SLOT_PARTS; part++)
            chunk[i].held[part].fd = -1;
    for (size_t i = 0; i < CHUNKS_LIMIT; i++) {
        struct slot *none = NULL;

        if (atomic_compare_exchange_strong(&chunks[i], &none, chunk))
            return true;
    }
    munmap(chunk, size);
    return false;
}

struct slot *slot_take(const void *frame)
{
    const uint64_t owner = caller();
    struct slot *slot;

    sweep(owner, (uintptr_t)frame);
    while (!(slot = find_free(owner))) {
        if (!grow()) {
            errno = ENOMEM;
            return NULL;
        }
    }
    slot->alternate = on_alternate_stack();
    slot->frame = (uintptr_t)frame;
    return slot;
}

void slot_release(struct slot *slot)
{
    empty(slot);
    atomic_store(&slot->owner, 0);
}

bool slot_is_mine(const struct slot *slot)
{
    return atomic_load(&slot->owner) == caller();
}

int slot_descriptor(struct slot *slot, enum slot_part part)
{
    struct held *const held = &slot->held[part];
    const int saved = errno;
    uint64_t cookie;

    if (held->fd >= 0 && !(sys_cookie(held->fd, &cookie) && cookie == held->cookie))
        held->fd = -1;
    errno = saved;
    return held->fd;
}

void slot_renew(struct slot *slot, enum slot_part part, uint64_t cookie)
{
    slot->held[part].cookie = cookie;
}

bool slot_keep(struct slot *slot, enum slot_part part, int fd)
{
    struct held *const held = &slot->held[part];

    fd = sys_lift(fd);
    if (fd < 0)
        return false;
    if (!sys_cookie(fd, &held->cookie)) {
        const int saved = errno;

        sys_close(fd);
        errno = saved;
        return false;
    }
    held->fd = fd;
    return true;
}

void slot_drop(struct slot *slot, enum slot_part part)
{
    const int saved = errno;
    const int fd = slot_descriptor(slot, part);

    slot->held[part].fd = -1;
    if (fd >= 0)
        sys_close(fd);
    errno = saved;
}

void slots_forget(void)
{
    struct slot *slot;

    for (size_t i = 0; i < SLOTS_LIMIT && (slot = at(i)); i++) {
        if (atomic_load(&slot->owner) != 0)
            slot_release(slot);
    }
}
