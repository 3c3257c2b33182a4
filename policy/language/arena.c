#include "policy/language/arena.h"

#include <sys/mman.h>
#include <unistd.h>

enum { ARENA_UNIT = 8 }; /* the objects here hold pointers and 64-bit numbers at most */

struct arena arena_map(size_t size)
{
    void *base = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    struct arena arena = {.base = NULL};

    if (base != MAP_FAILED)
        arena = (struct arena){.base = base, .size = size};
    return arena;
}

void *arena_take(struct arena *arena, size_t size)
{
    void *taken = arena->base + arena->used;

    size = (size + ARENA_UNIT - 1) / ARENA_UNIT * ARENA_UNIT;
    if (size > arena->size - arena->used)
        return NULL;
    arena->used += size;
    return taken;
}

size_t arena_close(struct arena *arena)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    const size_t kept = (arena->used + page - 1) / page * page;

    if (kept < arena->size && munmap(arena->base + kept, arena->size - kept) == 0)
        arena->size = kept;
    return arena->size;
}
