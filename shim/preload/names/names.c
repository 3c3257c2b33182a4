#include "preload/names/names.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "policy/machine.h"
#include "preload/names/lineage.h"
#include "preload/names/name_memory.h"

enum {
    ADDRESS_SPACES = 32, /* a program needs room for this many large memories before it gets one */
};

/* The address, plus SMALL if the memory is the small one. */
static _Atomic uintptr_t mapped;
static const uintptr_t SMALL = 1;

static void *map(const struct name_sizes *sizes)
{
    const size_t size = name_memory_size(sizes);
    /*
     * Pages of a shared mapping cost nothing until they are touched (mm/shmem.c). MAP_NORESERVE keeps the
     * kernel from reserving them in advance, except with vm.overcommit_memory 2 (proc(5)).
     */
    void *const bytes =
        mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (bytes == MAP_FAILED)
        return NULL;
    madvise(bytes, size, MADV_DONTDUMP); /* a core dump would contain all of it, as zeroes */
    return bytes;
}

static bool has_room(void)
{
    struct rlimit limit;

    return getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY ||
           limit.rlim_cur / ADDRESS_SPACES >= name_memory_size(&name_sizes_large);
}

/* False if there is no memory yet. */
static bool found_memory(struct name_memory *memory)
{
    const uintptr_t at = mapped;

    if (at == 0)
        return false;
    *memory = name_memory_at((void *)(at & ~SMALL), at & SMALL ? &name_sizes_small : &name_sizes_large);
    return true;
}

static bool use(const struct name_sizes *sizes, uintptr_t tag)
{
    void *const fresh = map(sizes);
    uintptr_t none = 0;

    if (fresh && !atomic_compare_exchange_strong(&mapped, &none, (uintptr_t)fresh | tag))
        munmap(fresh, name_memory_size(sizes));
    return fresh != NULL;
}

/* Another library's constructor may look a name up before ours has run. */
static bool start(struct name_memory *memory)
{
    const int saved = errno;

    if (found_memory(memory))
        return true;
    if (!has_room() || !use(&name_sizes_large, 0))
        use(&name_sizes_small, SMALL);
    errno = saved;
    return found_memory(memory);
}

void names_start(void)
{
    struct name_memory memory;

    start(&memory);
}

static uint64_t tick(void)
{
    struct name_memory memory;

    return found_memory(&memory) ? name_memory_tick(&memory) : 0;
}

struct names_question names_begin(const char *name, bool apart)
{
    struct names_question question = {.name = name, .apart = apart};
    struct name_memory m;
    const bool good = start(&m);
    const size_t length = name ? strnlen(name, NAME_LIMIT) : 0;

    if (length == 0)
        question.name = NULL;
    else if (length == NAME_LIMIT)
        question.name = NAMES_NO_HOST;
    if (good)
        question.begun = name_memory_tick(&m);
    return question;
}

struct names_question names_begin_reverse(const struct wire_address *address)
{
    struct names_question question = names_begin(NULL, false);

    if (address->family == AF_INET || address->family == AF_INET6)
        question.about = *address;
    return question;
}

static struct lineage *asker(const struct names_question *question)
{
    return question->apart ? NULL : lineage_now(tick);
}

void names_answer(struct names_question *question, const struct wire_address *address)
{
    struct name_memory m;
    const bool good = start(&m);
    const int saved = errno;

    if (!good || !question->name || (address->family != AF_INET && address->family != AF_INET6))
        return;
    if (question->addresses < NAME_ANSWER_LIMIT) {
        question->addresses++;
        name_memory_remember(&m, asker(question), question->begun, question->name, address);
    } else {
        name_memory_forget(&m);
    }
    errno = saved;
}

/* Skips the labels of a service (RFC 2782). */
static const char *host_of(const char *name)
{
    const char *dot;

    while (name[0] == '_' && (dot = strchr(name, '.')) && dot[1])
        name = dot + 1;
    return name;
}

/*
 * On root's word, not on that of DNS. A machine's own name may have localhost's address: Python's getfqdn()
 * then gets localhost for it. Any other name that leads to localhost still has to match (spoofed DNS, a local
 * listener).
 */
static bool is_same_host(const char *name, const char *other)
{
    return machine_equates(name, other) || (machine_is_localhost(other) && machine_has_name(name));
}

static void derive(struct name_memory *m, const struct names_question *question, const char *other,
                   enum names_origin how)
{
    const char *const name = host_of(question->name);

    if (how == NAMES_ALIAS && name_hash(name) != name_hash(other) && is_same_host(name, other))
        how = NAMES_SAME;
    name_memory_derive(m, asker(question), question->begun, name, other, how);
}

void names_derive(const struct names_question *question, const char *other, enum names_origin how)
{
    struct name_memory m;
    const bool good = start(&m);
    const int saved = errno;

    if (!good || !other || !other[0] || strnlen(other, NAME_LIMIT) == NAME_LIMIT)
        return;
    if (question->about.family != 0) {
        name_memory_derive_address(&m, asker(question), question->begun, &question->about, other,
                                   is_same_host);
    } else if (question->name) {
        derive(&m, question, other, how);
        if (host_of(other) != other) /* the program may ask for the service itself next */
            derive(&m, question, host_of(other), how);
    }
    errno = saved;
}

void names_find(const struct wire_address *address, struct names_found *found)
{
    struct name_memory m;
    const bool good = start(&m);
    const int saved = errno;

    found->count = 0;
    found->lost = !good;
    if (good && (address->family == AF_INET || address->family == AF_INET6))
        name_memory_find(&m, lineage_now(tick), address, found);
    errno = saved;
}
