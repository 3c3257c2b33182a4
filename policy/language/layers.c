/* Finds the settings in force among the layers. */
#include <stddef.h>

#include "policy/model.h"
#include "policy/policy.h"

/* The other setting that this one hides in the layers below. */
static enum policy_setting twin(enum policy_setting key)
{
    switch (key) {
    case POLICY_CA_FILE:
        return POLICY_CA_DIR;
    case POLICY_CA_DIR:
        return POLICY_CA_FILE;
    case POLICY_CLIENT_CERT:
        return POLICY_CLIENT_KEY;
    case POLICY_CLIENT_KEY:
        return POLICY_CLIENT_CERT;
    default:
        return key;
    }
}

static void add_layer(const struct setting *layer, const struct setting *found[POLICY_SETTINGS],
                      uint32_t *closed)
{
    const uint32_t before = *closed;

    for (const struct setting *s = layer; s; s = s->next)
        if (!s->bad && (before & (UINT32_C(1) << s->key)) == 0) {
            if (!found[s->key])
                found[s->key] = s;
            *closed |= UINT32_C(1) << s->key | UINT32_C(1) << twin(s->key);
        }
}

void policy_resolve(const struct policy *policy, const struct block *block,
                    const struct setting *found[POLICY_SETTINGS])
{
    const struct scope *own = block ? block->scope : NULL;
    uint32_t closed = 0;

    for (unsigned i = 0; i < POLICY_SETTINGS; i++)
        found[i] = NULL;
    if (block)
        add_layer(block->settings, found, &closed);
    for (const struct scope *scope = own; scope; scope = scope->beneath)
        add_layer(scope->settings, found, &closed);
    for (uint32_t i = 0; i < policy->defaults; i++) {
        const struct scope *root = policy->roots[i];

        if (block && (root->source == own->source || (block->final && root->source < own->source)))
            continue;
        add_layer(root->settings, found, &closed);
    }
}

_Static_assert(POLICY_SETTINGS <= 32, "`closed` has a bit for each setting");

static const char *text_of(const struct setting *setting)
{
    return setting ? setting->text : NULL;
}

static uint32_t number_of(const struct setting *setting, uint32_t built_in)
{
    return setting ? setting->number : built_in;
}

static struct text_list list_of(const struct setting *first)
{
    struct text_list list = {.count = 0};

    for (const struct setting *s = first; s && list.count < SETTINGS_LIST_LIMIT; s = s->next)
        if (s->key == first->key && !s->bad)
            list.item[list.count++] = s->text;
    return list;
}

void policy_settle(const struct setting *const found[POLICY_SETTINGS], struct settings *settings)
{
    *settings = (struct settings){
#define NUMBER(KEY, type, member, place, limit, default, context, server) \
    .member = (type)number_of(found[POLICY_##KEY], default),
#define TEXT(KEY, member, tag, context, server) .member = text_of(found[POLICY_##KEY]),
#define LIST(KEY, member, tag, context, server) .member = list_of(found[POLICY_##KEY]),
#include "wire/settings.def"
    };
}
