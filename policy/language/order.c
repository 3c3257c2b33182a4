/* Puts blocks and defaults in order of precedence. */
#include <string.h>

#include "policy/language/loader.h"
#include "policy/services.h"

/* Moves the blocks of `*from` that are `final` (true or false) to `*end`, and returns the new end. */
static struct block **move(struct block **from, bool final, struct block **end)
{
    while (*from) {
        struct block *block = *from;

        if (block->final != final) {
            from = &block->next;
            continue;
        }
        *from = block->next;
        block->next = NULL;
        *end = block;
        end = &block->next;
    }
    return end;
}

/* `final` applies within a source: the defaults of other sources do not count. */
static bool is_final(const struct setting *own, const struct scope *scope)
{
    const struct setting *found = own;

    for (;;) {
        for (; found; found = found->next)
            if (found->key == POLICY_FINAL)
                return found->number != 0;
        if (!scope)
            return false;
        found = scope->settings;
        scope = scope->beneath;
    }
}

void settle_blocks(const struct policy *policy, struct block *blocks)
{
    const struct setting *found[POLICY_SETTINGS];
    struct settings settings;

    for (struct block *block = blocks; block; block = block->next) {
        block->final = is_final(block->settings, block->scope);
        policy_resolve(policy, block, found);
        policy_settle(found, &settings);
        block->level = settings.level;
        block->testing = settings.testing;
    }
}

void order_defaults(struct policy *policy)
{
    if (policy->defaults == 2 && is_final(NULL, policy->roots[1])) {
        struct scope *first = policy->roots[0];

        policy->roots[0] = policy->roots[1];
        policy->roots[1] = first;
    }
}

void put_in_order(struct policy *policy, struct block *blocks[POLICY_SOURCES])
{
    struct block **end = &policy->blocks;
    uint32_t index = 0;

    for (unsigned i = POLICY_SOURCES; i-- > 1;)
        end = move(&blocks[i], true, end);
    for (unsigned i = 0; i < POLICY_SOURCES; i++) {
        *end = blocks[i];
        while (*end)
            end = &(*end)->next;
    }
    for (struct block *block = policy->blocks; block; block = block->next)
        block->index = index++;
}

static void mark_ports_from(uint8_t *ports, uint32_t low, uint32_t high)
{
    for (; low <= high && low % 8 != 0; low++)
        ports[low / 8] = (uint8_t)(ports[low / 8] | 1U << low % 8);
    if (low < high) {
        memset(ports + low / 8, 0xff, (high + 1 - low) / 8);
        low += (high + 1 - low) / 8 * 8;
    }
    for (; low <= high; low++)
        ports[low / 8] = (uint8_t)(ports[low / 8] | 1U << low % 8);
}

void mark_ports(struct policy *policy)
{
    for (const uint16_t *port = usual_ports; *port != 0; port++)
        mark_ports_from(policy->guarded_ports, *port, *port);
    for (const struct block *block = policy->blocks; block; block = block->next) {
        bool listed = false;

        if (block->level == LEVEL_NONE && !block->broken)
            continue;
        for (const struct value *value = block->values[CRITERION_PORT]; value; value = value->next)
            if (!value->negated) {
                listed = true;
                mark_ports_from(policy->guarded_ports, value->low, value->high);
            }
        policy->by_greeting = policy->by_greeting || !listed;
    }
}
