/* Which block fits a connection, and what follows from that. Reads the policy alone: no errno, no system
 * call. */
#include <string.h>

#include "policy/address.h"
#include "policy/alabel.h"
#include "policy/glob.h"
#include "policy/model.h"
#include "policy/policy.h"
#include "policy/services.h"
#include "policy/text.h"

enum { HOST_LIMIT = 256 }; /* RFC 1035, 2.3.4, with the NUL */

/* A query with one name, made ready for comparing. */
struct subject {
    const struct policy_query *query;
    enum protocol_kind protocol;
    bool any_protocol;  /* it is not known, and may be any that a block names */
    bool any[CRITERIA]; /* likewise: a block that guards fits by it, one that does not guard does not */
    bool usual;         /* port */
    bool has_address, loopback;
    uint8_t address[16];
    char host[HOST_LIMIT]; /* lower case, no dot at its end; "": none that is known */
    const char *base_name; /* of the program; NULL: unknown */
};

struct outcome {
    const struct block *block;
    enum policy_reason reason;
    unsigned strictness;
};

/* What getaddrinfo() takes for an address, too: 127.1 */
static bool is_numeric(const char *name)
{
    return strchr(name, ':') != NULL || name[strspn(name, "0123456789.")] == '\0';
}

static bool is_ascii(const char *name)
{
    while (*name != '\0' && (unsigned char)*name < 0x80)
        name++;
    return *name == '\0';
}

static void set_host(struct subject *subject, const char *name)
{
    size_t length = name == NULL ? 0 : strlen(name);

    if (length > 0 && name[length - 1] == '.')
        length--;
    if (length > 0 && is_numeric(name))
        length = 0;
    if (length > 0 && !is_ascii(name) && alabel_from(subject->host, sizeof subject->host, name, length))
        return;
    if (length >= HOST_LIMIT)
        length = 0;
    for (size_t i = 0; i < length; i++)
        subject->host[i] = lower(name[i]);
    subject->host[length] = '\0';
}

static struct subject subject_of(const struct policy_query *query)
{
    struct subject subject = {.query = query, .protocol = query->protocol};

    subject.usual = port_protocol(query->address.port) != PROTOCOL_AUTO;
    if (subject.protocol == PROTOCOL_AUTO)
        subject.protocol = port_protocol(query->address.port);
    subject.has_address = address_bytes(subject.address, &query->address);
    subject.loopback = subject.has_address && address_is_loopback(subject.address);
    if (query->program != NULL) {
        const char *slash = strrchr(query->program, '/');

        subject.base_name = slash == NULL ? query->program : slash + 1;
    }
    return subject;
}

static bool program_fits(const char *pattern, const struct subject *subject)
{
    if (subject->base_name == NULL)
        return false;
    return glob_fits(pattern, strchr(pattern, '/') != NULL ? subject->query->program : subject->base_name);
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
        return value->text == NULL ? query->uid == value->low
                                   : query->user != NULL && glob_fits(value->text, query->user);
    case CRITERION_PROTOCOL:
        return subject->any_protocol ? !value->negated : subject->protocol == value->low;
    default:
        return false;
    }
}

/*
 * No value with '!' fits, and one of the others does, if there are any. `*named`: one of the others does.
 * What is not known of a connection fits no value.
 */
static bool criterion_fits(const struct block *block, enum criterion criterion, const struct subject *subject,
                           bool *named)
{
    bool listed = false;

    for (const struct value *value = block->values[criterion]; value != NULL; value = value->next) {
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

/* Ports that a block which cannot be read is not taken to be about. */
static bool surely_not_guarded(uint16_t port)
{
    static const uint16_t ports[] = {22, 53, 80, 443, 853, 465, 563, 993, 995};

    for (size_t i = 0; i < sizeof ports / sizeof ports[0]; i++)
        if (ports[i] == port)
            return true;
    return false;
}

/* Whether the block is about what is not known. */
static bool asks_for_any(const struct block *block, unsigned criterion, const struct subject *subject)
{
    const struct value *value = block->values[criterion];

    if (!subject->any[criterion])
        return false;
    while (value != NULL && value->text == NULL) /* a user's number is known */
        value = value->next;
    return value != NULL;
}

static bool block_fits(const struct block *block, const struct subject *subject)
{
    const bool guards = block->level != LEVEL_NONE || block->broken;
    bool named[CRITERIA] = {false};

    for (unsigned i = 0; i < CRITERIA; i++) {
        if (asks_for_any(block, i, subject)) {
            if (!guards)
                return false;
            named[i] = true;
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
    return !subject->loopback || named[CRITERION_PORT] || named[CRITERION_HOST] || named[CRITERION_ADDRESS];
}

static unsigned strictness(enum level level, bool testing)
{
    return testing && level > LEVEL_MAY ? LEVEL_MAY : level;
}

/*
 * A block that guards and names this very port, but also a protocol, which only the greeting would tell: that
 * is too late, and whoever is on the path could choose.
 */
static const struct block *for_any_protocol(const struct policy *policy, const struct subject *subject)
{
    const struct block *block = policy->blocks;
    struct subject any = *subject;

    any.any_protocol = true;
    while (block != NULL && (block->level == LEVEL_NONE || !block_fits(block, &any)))
        block = block->next;
    return block;
}

static struct outcome judge(const struct policy *policy, const struct subject *subject)
{
    const struct block *block = policy->blocks;
    const struct settings *defaults = &policy->default_settings;

    while (block != NULL && !block_fits(block, subject))
        block = block->next;
    if (block == NULL && subject->protocol == PROTOCOL_AUTO)
        block = for_any_protocol(policy, subject);
    if (block != NULL)
        return (struct outcome){block, REASON_BLOCK, strictness(block->level, block->testing)};
    if (!subject->usual)
        return (struct outcome){NULL, REASON_PORT, LEVEL_NONE};
    if (subject->loopback)
        return (struct outcome){NULL, REASON_LOOPBACK, LEVEL_NONE};
    return (struct outcome){NULL, REASON_DEFAULTS, strictness(defaults->level, defaults->testing)};
}

/* Whether `a` is to be preferred: it is stricter, or as strict and tried before. */
static bool outranks(const struct outcome *a, const struct outcome *b)
{
    if (a->strictness != b->strictness)
        return a->strictness > b->strictness;
    return a->block != NULL && (b->block == NULL || a->block->index < b->block->index);
}

static bool might_guard(const struct policy *policy, const struct subject *subject)
{
    const uint16_t port = subject->query->address.port;
    struct subject any = *subject;

    any.any_protocol = subject->protocol == PROTOCOL_AUTO;
    if (subject->usual && !subject->loopback)
        return true;
    if (policy->unreadable && !surely_not_guarded(port))
        return true;
    for (const struct block *block = policy->blocks; block != NULL; block = block->next)
        if ((block->level != LEVEL_NONE || block->broken) && block_fits(block, &any))
            return true;
    return false;
}

/* How strictly the connection would be treated if what is lost were as the strictest block has it. */
static unsigned strictness_of_lost(const struct policy *policy, const struct subject *subject)
{
    const struct policy_query *query = subject->query;
    struct subject any = *subject;
    unsigned most;

    if (!query->hosts_lost && !query->program_lost && !query->user_lost)
        return 0;
    any.any[CRITERION_HOST] = query->hosts_lost;
    any.any[CRITERION_PROGRAM] = query->program_lost;
    any.any[CRITERION_USER] = query->user_lost;
    most = judge(policy, &any).strictness;
    for (const struct block *block = policy->blocks; block != NULL; block = block->next) {
        const unsigned of_block = strictness(block->level, block->testing);

        if (of_block > most && block_fits(block, &any))
            most = of_block;
    }
    return most;
}

static struct outcome outcome_of(const struct policy *policy, const struct policy_query *query)
{
    const uint32_t hosts = query->hosts.count == 0 ? 1 : query->hosts.count;
    struct subject subject = subject_of(query);
    struct outcome best = {NULL, REASON_PORT, LEVEL_NONE};
    unsigned of_lost = 0;

    for (uint32_t i = 0; i < hosts && i < SETTINGS_LIST_LIMIT; i++) {
        set_host(&subject, query->hosts.count == 0 ? NULL : query->hosts.item[i]);
        if (policy->in_error) {
            if (might_guard(policy, &subject))
                return (struct outcome){NULL, REASON_ERROR, LEVEL_NONE};
        } else {
            const struct outcome found = judge(policy, &subject);
            const unsigned lost = strictness_of_lost(policy, &subject);

            if (i == 0 || outranks(&found, &best))
                best = found;
            if (lost > of_lost)
                of_lost = lost;
        }
    }
    if (of_lost > best.strictness)
        return (struct outcome){NULL, REASON_ERROR, LEVEL_NONE};
    return best;
}

bool policy_may_guard(const struct policy *policy, uint16_t port)
{
    return policy->in_error || (policy->guarded_ports[port / 8] & 1U << port % 8) != 0;
}

const uint8_t *policy_guarded_ports(const struct policy *policy)
{
    return policy->in_error || policy->by_greeting ? NULL : policy->guarded_ports;
}

bool policy_may_guard_by_greeting(const struct policy *policy)
{
    return policy->by_greeting;
}

static enum decision decision_of(const struct outcome *outcome, enum level level)
{
    switch (outcome->reason) {
    case REASON_ERROR:
        return DECISION_ERROR;
    case REASON_BLOCK:
    case REASON_DEFAULTS:
        return level == LEVEL_NONE ? DECISION_UNTOUCHED : DECISION_GUARD;
    default:
        return DECISION_UNTOUCHED;
    }
}

static struct outcome decide(const struct policy *policy, const struct policy_query *query,
                             const struct setting *found[POLICY_SETTINGS], struct settings *settings)
{
    const struct outcome outcome = outcome_of(policy, query);

    policy_resolve(policy, outcome.block, found);
    policy_settle(found, settings);
    settings->rule = outcome.block != NULL ? outcome.block->rule : policy->default_rule;
    if (outcome.reason == REASON_LOOPBACK || outcome.reason == REASON_PORT) {
        settings->level = LEVEL_NONE;
        settings->rule = policy_built_in;
    }
    return outcome;
}

enum decision policy_decide(const struct policy *policy, const struct policy_query *query,
                            struct settings *settings)
{
    const struct setting *found[POLICY_SETTINGS];
    const struct outcome outcome = decide(policy, query, found, settings);

    return decision_of(&outcome, settings->level);
}

enum decision policy_explain(const struct policy *policy, const struct policy_query *query,
                             struct policy_explanation *why)
{
    const struct setting *found[POLICY_SETTINGS];
    const struct outcome outcome = decide(policy, query, found, &why->settings);

    why->decision = decision_of(&outcome, why->settings.level);
    why->reason = outcome.reason;
    why->block = (struct policy_origin){.file = NULL};
    if (outcome.block != NULL)
        why->block = (struct policy_origin){outcome.block->place.file->path, outcome.block->place.line};
    for (unsigned i = 0; i < POLICY_SETTINGS; i++) {
        why->origin[i] = (struct policy_origin){.file = NULL};
        if (found[i] != NULL)
            why->origin[i] = (struct policy_origin){found[i]->place.file->path, found[i]->place.line};
    }
    return why->decision;
}
