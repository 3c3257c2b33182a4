#include "preload/names/name_mapping.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "preload/sys/lock.h"
#include "preload/sys/memory_file.h"
#include "preload/sys/strbuf.h"
#include "preload/sys/sys.h"

enum {
    ADDRESS_SPACES = 32, /* a program needs room for this many large memories before it gets one */
    PATIENCE = 1000,     /* ms to wait for another thread of the process that parts */
    ADD_SEALS = 1033,    /* old headers lack these */
    SEAL_FUTURE_WRITE = 0x10,
};

/* The address, plus a tag that gives the memory's size. It never changes. */
static _Atomic uintptr_t mapped;
static const uintptr_t SMALL = 1, MIDDLE = 2, TAGS = 3;

/* Of this process alone; a forked child begins with a copy. */
static struct {
    _Atomic(void *) heard;    /* NULL: the program had nothing to give up when it began */
    _Atomic(void *) readable; /* the memory's second mapping, or NULL */
    _Atomic(void *) above[NAME_PARTINGS];
    _Atomic uint32_t aboves, partings;
    atomic_bool blind;
    _Atomic uint32_t owner; /* process; as in fd_state.h */
    _Atomic uid_t user[3];  /* real, effective, saved: as when the process began or last parted */
    struct lock lock;
} parted;

static const struct name_sizes *sizes(void)
{
    if (mapped & SMALL)
        return &name_sizes_small;
    return mapped & MIDDLE ? &name_sizes_middle : &name_sizes_large;
}

static void *map(void *at, size_t size, int protection, int fd)
{
    /*
     * Pages of a shared mapping cost nothing until they are touched (mm/shmem.c). MAP_NORESERVE keeps the
     * kernel from reserving them in advance, except with vm.overcommit_memory 2 (proc(5)).
     */
    void *const bytes =
        mmap(at, size, protection,
             MAP_SHARED | MAP_NORESERVE | (fd < 0 ? MAP_ANONYMOUS : 0) | (at ? MAP_FIXED : 0), fd, 0);

    if (bytes == MAP_FAILED)
        return NULL;
    madvise(bytes, size, MADV_DONTDUMP); /* a core dump would contain all of it, as zeroes */
    return bytes;
}

/* ---- mapped twice */

/* Through a descriptor for reading, a shared mapping never becomes writable (mm/mmap.c, do_mmap()). */
static void *map_reopened(int fd, size_t size)
{
    char path[40];
    struct strbuf w;
    void *bytes = NULL;
    int reading;

    strbuf_start(&w, path, sizeof path);
    strbuf_add(&w, "/proc/self/fd/");
    strbuf_number(&w, (unsigned)fd);
    reading = sys_open(path, O_RDONLY | O_CLOEXEC, 0);
    if (reading >= 0) {
        bytes = map(NULL, size, PROT_READ, reading);
        sys_close(reading);
    }
    return bytes;
}

/* The file must have all its writable mappings already. NULL if it cannot be protected. */
static void *map_readable(int fd, size_t size)
{
    if (sys_fcntl(fd, ADD_SEALS, SEAL_FUTURE_WRITE) == 0)
        return map(NULL, size, PROT_READ, fd);
    return map_reopened(fd, size);
}

/* `at`: NULL, or the address where it replaces what is there. */
static void *map_twice(void *at, size_t size, void **readable)
{
    const int fd = memory_file("retrotls-names", size);
    void *const bytes = map(at, size, PROT_READ | PROT_WRITE, fd);

    *readable = fd >= 0 && bytes ? map_readable(fd, size) : NULL;
    if (fd >= 0)
        sys_close(fd);
    return bytes;
}

/* ---- the first memory */

static bool has_room(void)
{
    struct rlimit limit;

    return getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY ||
           limit.rlim_cur / ADDRESS_SPACES >= name_memory_size(&name_sizes_large);
}

/* True also if we cannot know. */
static bool has_rights(void)
{
    uint64_t permitted;

    return !sys_permitted(&permitted) || permitted != 0;
}

static void release(void *bytes, size_t size)
{
    if (bytes)
        munmap(bytes, size);
}

/*
 * We set `heard` and `readable` before anybody can find the memory, so that nobody uses it without them. If
 * another thread (of another library's constructor) was quicker, we drop ours.
 */
static bool use(size_t size, uintptr_t tag, bool rights)
{
    void *readable = NULL, *fresh, *heard = NULL, *unset = NULL;
    uintptr_t none = 0;

    fresh = rights ? map_twice(NULL, size, &readable) : map(NULL, size, PROT_READ | PROT_WRITE, -1);
    if (fresh && rights && !(heard = map(NULL, size, PROT_READ | PROT_WRITE, -1))) {
        release(fresh, size);
        fresh = NULL;
    }
    if (fresh && heard && !atomic_compare_exchange_strong(&parted.heard, &unset, heard)) {
        release(heard, size);
        heard = NULL;
    }
    if (fresh && atomic_compare_exchange_strong(&mapped, &none, (uintptr_t)fresh | tag)) {
        atomic_store(&parted.readable, readable);
        return true;
    }
    release(fresh, size);
    release(readable, size);
    return none != 0;
}

static void note_user(void)
{
    uid_t now[3];

    if (getresuid(&now[0], &now[1], &now[2]) != 0)
        return;
    for (size_t i = 0; i < 3; i++)
        atomic_store(&parted.user[i], now[i]);
}

static void lay(struct name_memory *memory, void *bytes)
{
    *memory = name_memory_at(bytes, sizes());
}

bool name_mapping_view(struct name_view *view)
{
    const uintptr_t at = mapped;
    struct name_memory *last = &view->memory;
    void *heard;

    if (at == 0)
        return false;
    view->partings = atomic_load(&parted.partings);
    lay(&view->memory, (void *)(at & ~TAGS));
    heard = atomic_load(&parted.heard);
    if (!heard)
        return true;
    lay(&view->heard, heard);
    view->memory.heard = &view->heard;
    for (uint32_t i = atomic_load(&parted.aboves); i > 0; i--) {
        lay(&view->above[i - 1], atomic_load(&parted.above[i - 1]));
        last->above = &view->above[i - 1];
        last = &view->above[i - 1];
    }
    view->memory.blind = atomic_load(&parted.blind);
    view->memory.parted = last != &view->memory || view->memory.blind;
    return true;
}

/* Another library's constructor may look up a name before ours has run. */
bool name_mapping_start(struct name_view *view)
{
    const int saved = errno;

    if (mapped == 0) {
        const bool rights = has_rights();
        const struct name_sizes *const wanted = rights ? &name_sizes_middle : &name_sizes_large;

        if (!has_room() || !use(name_memory_size(wanted), rights ? MIDDLE : 0, rights))
            use(name_memory_size(&name_sizes_small), SMALL, rights);
        atomic_store(&parted.owner, sys_process());
        note_user();
        errno = saved;
    }
    return name_mapping_view(view);
}

bool name_mapping_stands(const struct name_view *view)
{
    return atomic_load(&parted.partings) == view->partings;
}

void name_mapping_forked(void)
{
    atomic_store(&parted.owner, sys_process());
}

/* ---- parting */

bool name_mapping_may_part(void)
{
    return mapped != 0 && atomic_load(&parted.heard) && atomic_load(&parted.owner) == sys_process();
}

/*
 * A thread that writes meanwhile may put one half of a record into each memory; settle() in names.c notices.
 * A thread that reads finds the old memory twice for a moment.
 */
static void part(void)
{
    void *const at = (void *)(mapped & ~TAGS), *const was = atomic_load(&parted.readable);
    const uint32_t aboves = atomic_load(&parted.aboves);
    const size_t size = name_memory_size(sizes());
    void *readable = NULL;

    if (was && aboves < NAME_PARTINGS) {
        atomic_store(&parted.above[aboves], was);
        atomic_store(&parted.aboves, aboves + 1);
    } else {
        atomic_store(&parted.blind, true);
    }
    atomic_fetch_add(&parted.partings, 1);
    if (!map_twice(at, size, &readable) && !map(at, size, PROT_READ | PROT_WRITE, -1)) {
        atomic_store(&mapped, 0);
        munmap(at, size);
    }
    atomic_store(&parted.readable, readable);
}

void name_mapping_part(void)
{
    const sys_signals signals = sys_signals_block();

    if (name_mapping_may_part() && lock_take(&parted.lock, sys_milliseconds() + PATIENCE)) {
        part();
        note_user();
        lock_release(&parted.lock);
    }
    sys_signals_restore(signals);
}

/* True if the process could act as a user, and no longer can. Root can act as any. */
static bool has_given_up_a_user(void)
{
    uid_t now[3];

    if (getresuid(&now[0], &now[1], &now[2]) != 0 || now[0] == 0 || now[1] == 0 || now[2] == 0)
        return false;
    for (size_t i = 0; i < 3; i++) {
        const uid_t before = atomic_load(&parted.user[i]);

        if (now[0] != before && now[1] != before && now[2] != before)
            return true;
    }
    return false;
}

void name_mapping_notice(void)
{
    const int saved = errno;

    if (name_mapping_may_part() && has_given_up_a_user())
        name_mapping_part();
    errno = saved;
}
