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

    for (const struct setting *s = layer; s != NULL; s = s->next)
        if (!s->bad && (before & (UINT32_C(1) << s->key)) == 0) {
            if (found[s->key] == NULL)
                found[s->key] = s;
            *closed |= UINT32_C(1) << s->key | UINT32_C(1) << twin(s->key);
        }
}

void policy_resolve(const struct policy *policy, const struct block *block,
                    const struct setting *found[POLICY_SETTINGS])
{
    const struct scope *own = block == NULL ? NULL : block->scope;
    uint32_t closed = 0;

    for (unsigned i = 0; i < POLICY_SETTINGS; i++)
        found[i] = NULL;
    if (block != NULL)
        add_layer(block->settings, found, &closed);
    for (const struct scope *scope = own; scope != NULL; scope = scope->beneath)
        add_layer(scope->settings, found, &closed);
    for (uint32_t i = 0; i < policy->defaults; i++) {
        const struct scope *root = policy->roots[i];

        if (block != NULL && (root->source == own->source || (block->final && root->source < own->source)))
            continue;
        add_layer(root->settings, found, &closed);
    }
}

static const char *text_of(const struct setting *setting)
{
    return setting == NULL ? NULL : setting->text;
}

/* `ca-file system` hides the layers below; otherwise it is as if it were absent. */
static const char *ca_file_of(const struct setting *setting)
{
    return setting == NULL || setting->number == CA_SYSTEM ? NULL : setting->text;
}

static uint32_t number_of(const struct setting *setting, uint32_t built_in)
{
    return setting == NULL ? built_in : setting->number;
}

static struct text_list list_of(const struct setting *first)
{
    struct text_list list = {.count = 0};

    for (const struct setting *s = first; s != NULL && list.count < SETTINGS_LIST_LIMIT; s = s->next)
        if (s->key == first->key && !s->bad)
            list.item[list.count++] = s->text;
    return list;
}

void policy_settle(const struct setting *const found[POLICY_SETTINGS], struct settings *settings)
{
    *settings = (struct settings){
        .level = (enum level)number_of(found[POLICY_LEVEL], LEVEL_SECURE),
        .protocol = (enum protocol_kind)number_of(found[POLICY_PROTOCOL], PROTOCOL_AUTO),
        .implicit = number_of(found[POLICY_TLS], 0) != 0,
        .testing = number_of(found[POLICY_TESTING], 0) != 0,
        .strict_certificates = number_of(found[POLICY_CERTIFICATE_CHECKS], 0) != 0,
        .timeout = number_of(found[POLICY_TIMEOUT], SETTINGS_TIMEOUT),
        .greeting_timeout = number_of(found[POLICY_GREETING_TIMEOUT], SETTINGS_GREETING_TIMEOUT),
        .tls_min = number_of(found[POLICY_TLS_MIN], 0),
        .tls_max = number_of(found[POLICY_TLS_MAX], 0),
        .connect_port = number_of(found[POLICY_CONNECT_TO], 0),
        .connect_host = text_of(found[POLICY_CONNECT_TO]),
        .servername = text_of(found[POLICY_SERVERNAME]),
        .ca_file = ca_file_of(found[POLICY_CA_FILE]),
        .ca_dir = text_of(found[POLICY_CA_DIR]),
        .crl_file = text_of(found[POLICY_CRL_FILE]),
        .ciphers = text_of(found[POLICY_CIPHERS]),
        .ciphersuites = text_of(found[POLICY_CIPHERSUITES]),
        .groups = text_of(found[POLICY_GROUPS]),
        .client_cert = text_of(found[POLICY_CLIENT_CERT]),
        .client_key = text_of(found[POLICY_CLIENT_KEY]),
        .log = text_of(found[POLICY_LOG]),
        .names = list_of(found[POLICY_NAME]),
        .fingerprints = list_of(found[POLICY_FINGERPRINT]),
    };
}
