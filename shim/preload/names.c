#include "preload/names.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "preload/lineage.h"
#include "preload/name_memory.h"

static struct name_memory *_Atomic memory;

/* Another library's constructor may look a name up before ours has run. */
static struct name_memory *start(void)
{
    struct name_memory *none = NULL, *fresh;
    const int saved = errno;

    if (memory)
        return memory;
    fresh = mmap(NULL, sizeof *fresh, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (fresh != MAP_FAILED && !atomic_compare_exchange_strong(&memory, &none, fresh))
        munmap(fresh, sizeof *fresh);
    errno = saved;
    return memory;
}

void names_start(void)
{
    start();
}

static uint64_t tick(void)
{
    return name_memory_tick(memory);
}

struct names_question names_begin(const char *name, bool apart)
{
    struct names_question question = {.name = name, .apart = apart};
    struct name_memory *const m = start();
    const size_t length = name ? strnlen(name, NAME_LIMIT) : 0;

    if (length == 0)
        question.name = NULL;
    else if (length == NAME_LIMIT)
        question.name = NAMES_NO_HOST;
    if (m)
        question.begun = name_memory_tick(m);
    return question;
}

static struct lineage *asker(const struct names_question *question)
{
    return question->apart ? NULL : lineage_now(tick);
}

void names_answer(struct names_question *question, const struct wire_address *address)
{
    struct name_memory *const m = start();
    const int saved = errno;

    if (!m || !question->name || (address->family != AF_INET && address->family != AF_INET6))
        return;
    if (question->addresses < NAME_ANSWER_LIMIT) {
        question->addresses++;
        name_memory_remember(m, asker(question), question->begun, question->name, address);
    } else {
        name_memory_forget(m);
    }
    errno = saved;
}

/* Behind the labels of a service (RFC 2782). */
static const char *host_of(const char *name)
{
    const char *dot;

    while (name[0] == '_' && (dot = strchr(name, '.')) && dot[1])
        name = dot + 1;
    return name;
}

void names_derive(const struct names_question *question, const char *other, enum names_origin how)
{
    struct name_memory *const m = start();
    const int saved = errno;

    if (!m || !question->name || !other || !other[0] || strnlen(other, NAME_LIMIT) == NAME_LIMIT)
        return;
    name_memory_derive(m, asker(question), question->begun, host_of(question->name), other, how);
    if (host_of(other) != other) /* the service itself may be asked for next */
        name_memory_derive(m, asker(question), question->begun, host_of(question->name), host_of(other), how);
    errno = saved;
}

void names_find(const struct wire_address *address, struct names_found *found)
{
    struct name_memory *const m = start();
    const int saved = errno;

    found->count = 0;
    found->lost = !m;
    if (m && (address->family == AF_INET || address->family == AF_INET6))
        name_memory_find(m, lineage_now(tick), address, found);
    errno = saved;
}
