#include "preload/names/names.h"
#include "policy/address.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#ifdef __GLIBC__
#    include <gnu/libc-version.h>
#endif

#include "policy/machine.h"
#include "preload/names/lineage.h"
#include "preload/names/name_mapping.h"
#include "preload/names/name_memory.h"
#include "preload/names/name_own.h"

void names_start(void)
{
    struct name_view view;

    name_mapping_start(&view);
}

bool names_may_part(void)
{
    return name_mapping_may_part();
}

void names_part(void)
{
    const int saved = errno;

    name_mapping_part();
    errno = saved;
}

void names_forked(void)
{
    name_mapping_forked();
}

/* If another thread parted while this one wrote, one half of what it wrote may lie in each memory. */
static void settle(const struct name_view *view)
{
    struct name_view now;

    if (!name_mapping_stands(view) && name_mapping_view(&now))
        name_memory_forget(&now.memory);
}

static uint64_t number(void)
{
    struct name_view view;

    return name_mapping_view(&view) ? name_memory_number(&view.memory) : 0;
}

static struct names_question begin(const char *name, bool apart)
{
    struct names_question question = {.name = name, .apart = apart};
    struct name_view view;
    const bool good = name_mapping_start(&view);
    const size_t length = name ? strnlen(name, NAME_LIMIT) : 0;

    if (length == 0)
        question.name = NULL;
    else if (length == NAME_LIMIT)
        question.name = NAMES_NO_HOST;
    if (good)
        question.begun = name_memory_tick(&view.memory);
    return question;
}

struct names_question names_begin(const char *name, bool apart)
{
    name_mapping_notice();
    return begin(name, apart);
}

uint64_t names_now(void)
{
    struct name_view view;

    return name_mapping_start(&view) ? name_memory_tick(&view.memory) : 0;
}

struct names_question names_begin_for(struct lineage *by, uint64_t begun, const char *name)
{
    struct names_question question = begin(name, !by);

    question.by = by;
    question.begun = begun;
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
    if (question->apart)
        return NULL;
    return question->by ? question->by : lineage_now(number);
}

static bool is_literal_of(const char *name, const struct wire_address *address)
{
    struct wire_address literal;

    return address_of_literal(name, &literal) && literal.family == address->family &&
           memcmp(literal.bytes, address->bytes, sizeof literal.bytes) == 0;
}

/*
 * A program may write down an address from an answer and read it again (inet_ntop(3), getaddrinfo(3)). So a
 * literal does not replace the names that a connection to its address could mean now. We record these as
 * asked for again.
 */
static void ask_again(struct name_memory *m, const struct names_question *question,
                      const struct wire_address *address)
{
    struct lineage *const me = asker(question);
    struct names_found found;

    name_memory_find(m, me, address, &found);
    for (uint32_t i = 0; found.count != UINT32_MAX && i < found.count; i++) {
        /* An exchanger's domain comes with the exchanger. */
        if (found.exchanger[i] == 0 && !is_literal_of(found.name[i], address))
            name_memory_remember(m, me, question->begun, found.name[i], address);
    }
    if (found.lost)
        name_memory_remember(m, me, question->begun, "", address);
}

void names_answer(struct names_question *question, const struct wire_address *address)
{
    struct name_view view;
    const bool good = name_mapping_start(&view);
    const int saved = errno;

    if (!good || !question->name || (address->family != AF_INET && address->family != AF_INET6))
        return;
    if (question->addresses < NAME_ANSWER_LIMIT) {
        question->addresses++;
        if (!question->apart && is_literal_of(question->name, address))
            ask_again(&view.memory, question, address);
        name_memory_remember(&view.memory, asker(question), question->begun, question->name, address);
    } else {
        name_memory_forget(&view.memory);
    }
    settle(&view);
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
 * Root says so, not DNS. A machine's own name may have localhost's address: Python's getfqdn() then gets
 * localhost for it. Any other name that leads to localhost still has to match (spoofed DNS, a local
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
    struct name_view view;
    const bool good = name_mapping_start(&view);
    const int saved = errno;

    if (!good || !other || !other[0] || strnlen(other, NAME_LIMIT) == NAME_LIMIT)
        return;
    if (question->about.family != 0) {
        name_memory_derive_address(&view.memory, asker(question), question->begun, &question->about, other,
                                   is_same_host);
    } else if (question->name) {
        derive(&view.memory, question, other, how);
        if (host_of(other) != other) /* the program may ask for the service itself next */
            derive(&view.memory, question, host_of(other), how);
    }
    settle(&view);
    errno = saved;
}

/*
 * Before glibc 2.34 libc's resolver is a library of its own, which calls our connect(): we cannot tell its
 * connections from the program's.
 */
static bool resolver_is_in_libc(void)
{
#ifdef __GLIBC__
    enum { SINCE_MINOR = 34 };
    const char *const version = gnu_get_libc_version();

    return strncmp(version, "2.", 2) != 0 || atoi(version + 2) >= SINCE_MINOR;
#else
    return true;
#endif
}

void names_note_port(uint16_t port)
{
    struct name_view view;

    if (!names_is_port_of_dns(port) || !resolver_is_in_libc() || !name_mapping_start(&view))
        return;
    atomic_store(&view.memory.clock->resolves, 1);
    if (view.memory.parted)
        atomic_store(&view.memory.heard->clock->resolves, 1);
}

static bool resolves(const struct name_memory *memory)
{
    for (const struct name_memory *at = memory; at; at = name_memory_next(memory, at)) {
        if (atomic_load(&at->clock->resolves) != 0)
            return true;
    }
    return false;
}

void names_find(const struct wire_address *address, struct names_found *found)
{
    names_find_for(NULL, address, found);
}

void names_find_for(const struct lineage *who, const struct wire_address *address, struct names_found *found)
{
    struct name_view view;
    const bool good = name_mapping_start(&view);
    const int saved = errno;

    found->count = 0;
    found->lost = !good;
    found->resolves = good && resolves(&view.memory);
    if (good && (address->family == AF_INET || address->family == AF_INET6))
        name_memory_find(&view.memory, who ? who : lineage_now(number), address, found);
    if (good && !name_mapping_stands(&view))
        found->lost = true;
    errno = saved;
}
