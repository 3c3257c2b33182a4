#include "check/shadow.h"

#include <string.h>

/* True if `wider` fits everything that `value` fits. */
static bool value_within(enum criterion criterion, const struct value *value, const struct value *wider)
{
    switch (criterion) {
    case CRITERION_ADDRESS:
        return wider->network.prefix <= value->network.prefix &&
               network_has(&wider->network, value->network.bytes);
    case CRITERION_PORT:
        return wider->low <= value->low && value->high <= wider->high;
    case CRITERION_PROTOCOL:
        return wider->low == value->low;
    case CRITERION_USER:
        return value->text && wider->text ? strcmp(wider->text, value->text) == 0
                                          : !value->text && !wider->text && wider->low == value->low;
    default: /* a pattern */
        return strcmp(wider->text, value->text) == 0 || strcmp(wider->text, "*") == 0;
    }
}

static bool names_any(const struct value *values)
{
    while (values && values->negated)
        values = values->next;
    return values != NULL;
}

static bool within_any(enum criterion criterion, const struct value *value, const struct value *list)
{
    for (; list; list = list->next)
        if (list->negated == value->negated && value_within(criterion, value, list))
            return true;
    return false;
}

/* True if `wider` fits everything that `values` fit. If `values` is NULL, the block lacks the criterion. */
static bool criterion_within(enum criterion criterion, const struct value *values, const struct value *wider)
{
    if (!values || names_any(values) != names_any(wider))
        return false;
    for (const struct value *v = values; v; v = v->next)
        if (!v->negated && !within_any(criterion, v, wider))
            return false;
    for (const struct value *w = wider; w; w = w->next)
        if (w->negated && !within_any(criterion, w, values)) /* `values` may fit what `wider` excludes */
            return false;
    return true;
}

/*
 * True if `earlier` covers everything that `block` does, apart from their criteria. If a block that guards
 * names no port, or none of port, host and address, it covers less than its criteria fit. It covers more if
 * the protocol is unknown (policy.h). Two blocks that name the same kinds cover the same. A block with `none`
 * covers everything that its criteria fit.
 */
static bool reaches_as_far(const struct block *earlier, const struct block *block)
{
    const bool port = names_any(earlier->values[CRITERION_PORT]);
    const struct value *const hosts = earlier->values[CRITERION_HOST];

    /* If no name is known, a `none` block that only excludes hosts does not fit, but one that guards does. */
    if (earlier->level == LEVEL_NONE && hosts && !names_any(hosts))
        return block->level == LEVEL_NONE;
    if (earlier->level == LEVEL_NONE)
        return block->level == LEVEL_NONE || !earlier->values[CRITERION_PROTOCOL];
    if (port)
        return true;
    return block->level != LEVEL_NONE && !names_any(block->values[CRITERION_PORT]) &&
           names_any(earlier->values[CRITERION_HOST]) == names_any(block->values[CRITERION_HOST]) &&
           names_any(earlier->values[CRITERION_ADDRESS]) == names_any(block->values[CRITERION_ADDRESS]);
}

bool shadow_covers(const struct block *earlier, const struct block *block)
{
    if (!reaches_as_far(earlier, block))
        return false;
    for (enum criterion c = 0; c < CRITERIA; c++)
        if (earlier->values[c] && !criterion_within(c, block->values[c], earlier->values[c]))
            return false;
    return true;
}

void shadow_each(const struct policy *policy,
                 void (*each)(const struct block *block, const struct block *earlier))
{
    for (const struct block *block = policy->blocks; block; block = block->next)
        for (const struct block *earlier = policy->blocks; earlier != block; earlier = earlier->next)
            if (shadow_covers(earlier, block)) {
                each(block, earlier);
                break;
            }
}
