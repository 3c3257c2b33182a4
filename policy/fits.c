/* Decides whether a block fits a connection. */
#include "policy/fits.h"

#include <string.h>

#include "policy/address.h"
#include "policy/alabel.h"
#include "policy/glob.h"
#include "policy/machine.h"
#include "policy/services.h"
#include "policy/text.h"

static bool is_ascii(const char *name)
{
    while (*name != '\0' && (unsigned char)*name < 0x80)
        name++;
    return *name == '\0';
}

static void lower_host(struct subject *subject, const char *name)
{
    size_t length = name ? strlen(name) : 0;
    struct wire_address literal;

    if (length > 0 && address_of_literal(name, &literal))
        length = 0;
    if (length > 0 && name[length - 1] == '.')
        length--;
    if (length > 0 && !is_ascii(name) && alabel_from(subject->host, sizeof subject->host, name, length))
        return;
    if (length >= HOST_LIMIT)
        length = 0;
    for (size_t i = 0; i < length; i++)
        subject->host[i] = lower(name[i]);
    subject->host[length] = '\0';
}

void set_host(struct subject *subject, uint32_t i)
{
    const struct policy_query *query = subject->query;

    lower_host(subject, i < query->hosts.count ? query->hosts.item[i] : NULL);
    subject->here =
        subject->loopback && (subject->host[0] == '\0' ? !query->resolves_itself
                                                       : machine_is_localhost(subject->host) ||
                                                             (query->hosts_here & UINT32_C(1) << i) != 0);
}

struct subject subject_of(const struct policy_query *query)
{
    struct subject subject = {.query = query, .protocol = query->protocol};

    subject.usual = port_protocol(query->address.port) != PROTOCOL_AUTO;
    if (subject.protocol == PROTOCOL_AUTO)
        subject.protocol = port_protocol(query->address.port);
    subject.has_address = address_bytes(subject.address, &query->address);
    subject.loopback = subject.has_address && address_is_loopback(subject.address);
    subject.here = subject.loopback && !query->resolves_itself;
    if (query->program) {
        const char *slash = strrchr(query->program, '/');

        subject.base_name = slash ? slash + 1 : query->program;
    }
    return subject;
}

static bool program_fits(const char *pattern, const struct subject *subject)
{
    if (!subject->base_name)
        return false;
    return glob_fits(pattern, strchr(pattern, '/') ? subject->query->program : subject->base_name);
}

static bool value_fits(enum criterion criterion, const struct value *value, const struct subject *subject)
{
    const struct policy_query *query = subject->query;

    switch (criterion) {
    case CRITERION_HOST:
        return subject->host[0] != '\0' && glob_fits(value->text, subject->host);
    case CRITERION_ADDRESS:
        return subject->has_address && network_has(&value->network, subject->address);
    case CRITERION_PORT:
        return query->address.port >= value->low && query->address.port <= value->high;
    case CRITERION_PROGRAM:
        return program_fits(value->text, subject);
    case CRITERION_USER:
        return value->text ? query->user && glob_fits(value->text, query->user) : query->uid == value->low;
    case CRITERION_PROTOCOL:
        return subject->any_protocol ? !value->negated : subject->protocol == value->low;
    default:
        return false;
    }
}

/*
 * True if no value with '!' fits and one of the others does, if there are any. `*named` is set if one of the
 * others does. An unknown property of a connection fits no value.
 */
static bool criterion_fits(const struct block *block, enum criterion criterion, const struct subject *subject,
                           bool *named)
{
    bool listed = false;

    for (const struct value *value = block->values[criterion]; value; value = value->next) {
        const bool fits = value_fits(criterion, value, subject);

        if (value->negated && fits)
            return false;
        if (!value->negated) {
            listed = true;
            *named = *named || fits;
        }
    }
    return !listed || *named;
}

bool block_fits_program(const struct block *block, const struct subject *subject)
{
    bool named = false;

    return (block->unknown & 1U << CRITERION_PROGRAM) != 0 ||
           criterion_fits(block, CRITERION_PROGRAM, subject, &named);
}

bool surely_not_guarded(uint16_t port)
{
    static const uint16_t ports[] = {22, 53, 80, 443, 853, 465, 563, 993, 995};

    for (size_t i = 0; i < sizeof ports / sizeof ports[0]; i++)
        if (ports[i] == port)
            return true;
    return false;
}

/* Whether the block has only '!' values for hosts. */
static bool only_excludes_hosts(const struct block *block)
{
    const struct value *value = block->values[CRITERION_HOST];

    if (!value)
        return false;
    while (value && value->negated)
        value = value->next;
    return !value;
}

bool asks_for_any(const struct block *block, unsigned criterion, const struct subject *subject)
{
    const struct value *value = block->values[criterion];

    if (criterion == CRITERION_HOST && subject->unnamed && only_excludes_hosts(block))
        return true;
    if (!subject->any[criterion])
        return false;
    while (value && !value->text) /* a user's number is known */
        value = value->next;
    return value != NULL;
}

bool block_fits(const struct block *block, const struct subject *subject)
{
    const bool guards = block->level != LEVEL_NONE || block->broken;
    bool named[CRITERIA] = {false};

    for (unsigned i = 0; i < CRITERIA; i++) {
        if (asks_for_any(block, i, subject)) {
            if (!guards)
                return false;
            named[i] = subject->any[i];
            continue;
        }
        if ((block->unknown & 1U << i) != 0)
            named[i] = i != CRITERION_PORT || !surely_not_guarded(subject->query->address.port);
        else if (!criterion_fits(block, (enum criterion)i, subject, &named[i]))
            return false;
    }
    if (!guards)
        return true;
    if (!named[CRITERION_PORT] && subject->protocol == PROTOCOL_AUTO)
        return false;
    return !subject->here || named[CRITERION_PORT] || named[CRITERION_HOST] || named[CRITERION_ADDRESS];
}

/* Whether the part of a pattern after its last wildcard has a dot inside, and so names a domain. */
static bool names_a_domain(const char *pattern)
{
    const char *tail = pattern;
    const char *dot;

    for (const char *c = pattern; *c != '\0'; c++)
        if (*c == '*' || *c == '?')
            tail = c + 1;
    dot = strchr(*tail == '.' ? tail + 1 : tail, '.');
    return dot && dot[1] != '\0';
}

bool names_host(const struct block *block, const struct subject *subject)
{
    const struct value *value = block->values[CRITERION_HOST];

    for (; value; value = value->next)
        if (!value->negated && names_a_domain(value->text) && value_fits(CRITERION_HOST, value, subject))
            return true;
    return false;
}
