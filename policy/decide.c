/* Which block fits a connection, and what follows. Only reads the policy: no errno, no system calls. */
#include <string.h>

#include "policy/fits.h"
#include "policy/model.h"
#include "policy/policy.h"

struct outcome {
    const struct block *block;
    enum policy_reason reason;
    unsigned strictness;
};

static unsigned strictness(enum level level, bool testing)
{
    return testing && level > LEVEL_MAY ? LEVEL_MAY : level;
}

/*
 * Finds a block that guards and names this very port, but also a protocol that only the greeting would show.
 * By then it is too late, and anyone on the path could choose the protocol.
 */
static const struct block *for_any_protocol(const struct policy *policy, const struct subject *subject)
{
    const struct block *block = policy->blocks;
    struct subject any = *subject;

    any.any_protocol = true;
    while (block && (block->level == LEVEL_NONE || !block_fits(block, &any)))
        block = block->next;
    return block;
}

static struct outcome outcome_by_default(const struct policy *policy, const struct subject *subject)
{
    const struct settings *defaults = &policy->default_settings;

    if (!subject->usual)
        return (struct outcome){NULL, REASON_PORT, LEVEL_NONE};
    if (subject->here)
        return (struct outcome){NULL, REASON_LOOPBACK, LEVEL_NONE};
    return (struct outcome){NULL, REASON_DEFAULTS, strictness(defaults->level, defaults->testing)};
}

static struct outcome outcome_by(const struct block *block)
{
    return (struct outcome){block, REASON_BLOCK, strictness(block->level, block->testing)};
}

static struct outcome judge(const struct policy *policy, const struct subject *subject)
{
    const struct block *block = policy->blocks;

    while (block && !block_fits(block, subject))
        block = block->next;
    if (!block && subject->protocol == PROTOCOL_AUTO)
        block = for_any_protocol(policy, subject);
    return block ? outcome_by(block) : outcome_by_default(policy, subject);
}

static bool might_guard(const struct policy *policy, const struct subject *subject)
{
    const uint16_t port = subject->query->address.port;
    struct subject any = *subject;

    any.any_protocol = subject->protocol == PROTOCOL_AUTO;
    if (subject->usual && !subject->here)
        return true;
    if (policy->unreadable && !surely_not_guarded(port))
        return true;
    for (const struct block *block = policy->blocks; block; block = block->next)
        if ((block->level != LEVEL_NONE || block->broken) && block_fits(block, &any))
            return true;
    return false;
}

/* Whether `a` wins: it is stricter, or as strict and tried earlier. */
static bool outranks(const struct outcome *a, const struct outcome *b)
{
    if (a->strictness != b->strictness)
        return a->strictness > b->strictness;
    return a->block && (!b->block || a->block->index < b->block->index);
}

/* ---- what the certificate must be */

static bool same_text(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static bool same_list(const struct text_list *a, const struct text_list *b)
{
    for (uint32_t i = 0; a->count == b->count && i < a->count; i++)
        if (!same_text(a->item[i], b->item[i]))
            return false;
    return a->count == b->count;
}

/* Whether both accept the same servers. */
static bool demand_the_same(const struct policy *policy, const struct outcome *a, const struct outcome *b)
{
    const struct setting *found[POLICY_SETTINGS];
    struct settings s[2];

    if (a->block == b->block)
        return true;
    policy_resolve(policy, a->block, found);
    policy_settle(found, &s[0]);
    policy_resolve(policy, b->block, found);
    policy_settle(found, &s[1]);
    return true
#define SERVER(condition) &&(condition)
#define ANY_SERVER(condition)
#define NUMBER(KEY, type, member, place, limit, default, context, server) server(s[0].member == s[1].member)
#define TEXT(KEY, member, tag, context, server) server(same_text(s[0].member, s[1].member))
#define LIST(KEY, member, tag, context, server) server(same_list(&s[0].member, &s[1].member))
#include "wire/settings.def"
        ;
}

/* Whether `best` would accept a server that `other` would not. */
static bool falls_short(const struct policy *policy, const struct outcome *best, const struct outcome *other)
{
    return other->strictness > best->strictness ||
           (other->strictness >= LEVEL_SECURE && !demand_the_same(policy, best, other));
}

/* ---- what is lost */

/*
 * Calls `each` for the outcome of every block that may decide, up to the first that fits whatever the lost
 * facts are. Returns false if there is such a block, or if `each` returned false.
 */
static bool each_that_fits(const struct policy *policy, const struct subject *any,
                           bool (*each)(void *context, const struct outcome *outcome), void *context)
{
    for (const struct block *block = policy->blocks; block; block = block->next) {
        const struct outcome outcome = outcome_by(block);
        bool sure = true;

        if ((any->any_protocol && block->level == LEVEL_NONE) || !block_fits(block, any))
            continue;
        for (unsigned i = 0; i < CRITERIA; i++)
            sure = sure && !asks_for_any(block, i, any);
        if (!each(context, &outcome) || sure)
            return false;
    }
    return true;
}

/* Calls `each` for every outcome that may be in force: the lost facts may match any block. */
static void each_of_lost(const struct policy *policy, const struct subject *any,
                         bool (*each)(void *context, const struct outcome *outcome), void *context)
{
    struct subject any_protocol = *any;
    struct outcome outcome;

    any_protocol.any_protocol = true;
    if (!each_that_fits(policy, any, each, context) ||
        (any->protocol == PROTOCOL_AUTO && !each_that_fits(policy, &any_protocol, each, context)))
        return;
    outcome = outcome_by_default(policy, any);
    each(context, &outcome);
}

struct comparison {
    const struct policy *policy;
    struct outcome *best;
    bool short_of;
};

static bool take_stricter(void *context, const struct outcome *outcome)
{
    struct comparison *const c = context;

    if (outranks(outcome, c->best))
        *c->best = *outcome;
    return true;
}

static bool demands_enough(void *context, const struct outcome *outcome)
{
    struct comparison *const c = context;

    c->short_of = falls_short(c->policy, c->best, outcome);
    return !c->short_of;
}

/* ---- several names */

static bool is_vouched_for(const struct policy *policy, struct subject *subject, uint32_t i)
{
    const struct policy_query *query = subject->query;
    struct outcome host, domain;
    bool vouched;

    if (i >= query->hosts.count || query->hosts_exchanger[i] == 0)
        return false;
    set_host(subject, query->hosts_exchanger[i] - 1U);
    host = judge(policy, subject);
    vouched = host.block && names_host(host.block, subject);
    set_host(subject, i);
    domain = judge(policy, subject);
    return vouched && (!domain.block || domain.block == host.block || !names_host(domain.block, subject));
}

bool policy_vouches(const struct policy *policy, const struct policy_query *query, uint32_t i)
{
    struct subject subject = subject_of(query);

    return !policy->in_error && is_vouched_for(policy, &subject, i);
}

/* Keeps the settings of `best`, so that the program gets the refusal in the words of its protocol. */
static struct outcome refused(const struct outcome *best)
{
    return (struct outcome){best->block, REASON_ERROR, LEVEL_NONE};
}

/* The subject with a host that may be anything. */
static struct subject with_any_host(const struct subject *subject)
{
    struct subject any = *subject;

    any.any[CRITERION_HOST] = true;
    any.here = false;
    any.host[0] = '\0';
    return any;
}

/* Whether `best` falls short of some block that a lost program or user may match. */
static bool is_too_lax(const struct policy *policy, const struct subject *subject, struct outcome *best)
{
    struct comparison c = {policy, best, false};
    struct subject any = *subject;

    any.any[CRITERION_PROGRAM] = subject->query->program_lost;
    any.any[CRITERION_USER] = subject->query->user_lost;
    if (any.any[CRITERION_PROGRAM] || any.any[CRITERION_USER])
        each_of_lost(policy, &any, demands_enough, &c);
    return c.short_of;
}

static struct outcome outcome_of(const struct policy *policy, const struct policy_query *query)
{
    const uint32_t hosts = query->hosts.count == 0 ? 1 : query->hosts.count;
    struct outcome found[SETTINGS_LIST_LIMIT], best;
    struct comparison c = {policy, &best, false};
    struct subject subject = subject_of(query);
    const struct subject any = with_any_host(&subject);
    struct subject unnamed = subject;

    for (uint32_t i = 0; i < hosts && i < SETTINGS_LIST_LIMIT; i++) {
        set_host(&subject, i);
        if (policy->in_error && might_guard(policy, &subject))
            return (struct outcome){NULL, REASON_ERROR, LEVEL_NONE};
        found[i] = judge(policy, &subject);
        if (i == 0 || outranks(&found[i], &best))
            best = found[i];
    }
    if (policy->in_error)
        return (struct outcome){NULL, REASON_PORT, LEVEL_NONE};
    if (query->hosts_lost)
        each_of_lost(policy, &any, take_stricter, &c);
    unnamed.unnamed = query->hosts.count == 0;
    if (unnamed.unnamed)
        each_of_lost(policy, &unnamed, take_stricter, &c);
    for (uint32_t i = 0; i < hosts && i < SETTINGS_LIST_LIMIT; i++) {
        if (falls_short(policy, &best, &found[i]) && !is_vouched_for(policy, &subject, i))
            return refused(&best);
        set_host(&subject, i);
        if (is_too_lax(policy, &subject, &best))
            return refused(&best);
    }
    if (query->hosts_lost)
        each_of_lost(policy, &any, demands_enough, &c);
    if (unnamed.unnamed && !c.short_of)
        each_of_lost(policy, &unnamed, demands_enough, &c);
    return c.short_of ? refused(&best) : best;
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
    settings->rule = outcome.block ? outcome.block->rule : policy->default_rule;
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
    if (outcome.block)
        why->block = (struct policy_origin){outcome.block->place.file->path, outcome.block->place.line};
    for (unsigned i = 0; i < POLICY_SETTINGS; i++) {
        why->origin[i] = (struct policy_origin){.file = NULL};
        if (found[i])
            why->origin[i] = (struct policy_origin){found[i]->place.file->path, found[i]->place.line};
    }
    return why->decision;
}
