#include <stddef.h>

#include "policy/fits.h"
#include "policy/model.h"
#include "policy/policy.h"

enum reach policy_reach(const struct policy *policy, const struct policy_query *query)
{
    struct policy_query of_port = *query;
    enum reach strictest = REACH_PRELOAD;
    bool guarded = false;

    for (const uint16_t *port = usual_ports; *port != 0; port++) {
        struct settings settings;

        of_port.address.port = *port;
        if (policy_decide(policy, &of_port, &settings) == DECISION_UNTOUCHED)
            continue;
        guarded = true;
        if (settings.reach > strictest)
            strictest = settings.reach;
    }
    return guarded ? strictest : policy->default_settings.reach;
}

/* Whether the block has a criterion other than the program. */
static bool asks_for_more(const struct block *block)
{
    for (unsigned i = 0; i < CRITERIA; i++)
        if (i != CRITERION_PROGRAM && (block->values[i] || (block->unknown & 1U << i) != 0))
            return true;
    return false;
}

bool policy_may_concern(const struct policy *policy, const char *program)
{
    const struct policy_query query = {.program = program};
    const struct subject subject = subject_of(&query);

    if (policy->in_error || !program || !program[0])
        return true;
    for (const struct block *block = policy->blocks; block; block = block->next) {
        if (!block_fits_program(block, &subject))
            continue;
        if (block->level != LEVEL_NONE || block->broken)
            return true;
        if (!asks_for_more(block))
            return false;
    }
    return policy->default_settings.level != LEVEL_NONE;
}

bool policy_asks_for_user_names(const struct policy *policy)
{
    for (const struct block *block = policy->blocks; block; block = block->next)
        for (const struct value *value = block->values[CRITERION_USER]; value; value = value->next)
            if (value->text)
                return true;
    return false;
}
