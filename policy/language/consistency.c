/* Checks that settings in force together are consistent. */
#include <stddef.h>

#include "policy/language/keywords.h"
#include "policy/language/loader.h"
#include "policy/language/paths.h"

static void report(struct loader *loader, const struct setting *blamed, enum message message, const char *a,
                   const char *b)
{
    struct setting *setting = (struct setting *)blamed; /* it belongs to the policy being loaded */

    if (setting->reported)
        return;
    setting->reported = true;
    errors_report(&loader->errors, &setting->place, message, a, b, NULL);
}

static bool is_among(const struct setting *setting, const struct setting *list)
{
    while (list && list != setting)
        list = list->next;
    return list != NULL;
}

static const char *version_name(const struct setting *setting)
{
    return version_words[setting->number == SETTINGS_TLS_1_2 ? 0 : 1];
}

/*
 * Tries out what the language itself cannot check. A setting may have been blamed for another block already.
 */
static void try_out(struct loader *loader, const struct setting *const found[POLICY_SETTINGS])
{
    enum policy_setting blamed = POLICY_SETTINGS;
    struct settings settings;
    const char *why;

    policy_settle(found, &settings);
    why = settings.level == LEVEL_NONE ? NULL : loader->way.attempt(&settings, &blamed);
    if (why && blamed < POLICY_SETTINGS && found[blamed] && !found[blamed]->refused) {
        ((struct setting *)found[blamed])->refused = true;
        errors_report(&loader->errors, &found[blamed]->place, MESSAGE_UNUSABLE, policy_setting_name(blamed),
                      why, NULL);
    }
}

/* Nothing is known yet of a connection when a program starts. */
static void check_reach(struct loader *loader, const struct block *block)
{
    static const enum criterion of_connections[] = {CRITERION_HOST, CRITERION_ADDRESS, CRITERION_PORT,
                                                    CRITERION_PROTOCOL};

    for (const struct setting *own = block->settings; own; own = own->next)
        for (size_t i = 0; own->key == POLICY_REACH && i < sizeof of_connections / sizeof *of_connections;
             i++)
            if ((block->given & 1U << of_connections[i]) != 0)
                report(loader, own, MESSAGE_REACH_PLACE, criterion_words[of_connections[i]], NULL);
}

/* `own` has the settings of the block, or of the defaults, without the inherited ones. */
static void check(struct loader *loader, const struct setting *own,
                  const struct setting *const found[POLICY_SETTINGS])
{
    const struct setting *level = found[POLICY_LEVEL], *pin = found[POLICY_FINGERPRINT];
    const struct setting *min = found[POLICY_TLS_MIN], *max = found[POLICY_TLS_MAX];
    const struct setting *ca_file = found[POLICY_CA_FILE];
    const struct setting *cert = found[POLICY_CLIENT_CERT], *key = found[POLICY_CLIENT_KEY];
    const uint32_t before = loader->errors.count;
    const unsigned in_force = level ? level->number : LEVEL_SECURE;

    if (in_force == LEVEL_FINGERPRINT && !pin)
        report(loader, level, MESSAGE_FINGERPRINT_MISSING, NULL, NULL);
    if (in_force != LEVEL_FINGERPRINT && pin && is_among(pin, own))
        report(loader, pin, MESSAGE_FINGERPRINT_UNUSED, level_words[in_force], NULL);
    if (min && max && min->number > max->number)
        report(loader, is_among(min, own) ? min : max, MESSAGE_VERSIONS_CROSSED, version_name(min),
               version_name(max));
    if (ca_file && found[POLICY_CA_DIR] && ca_file->number == CA_SYSTEM)
        report(loader, ca_file, MESSAGE_SYSTEM_AND_FOLDER, NULL, NULL);
    if (key && !cert)
        report(loader, key, MESSAGE_KEY_ALONE, NULL, NULL);
    if (cert && !key && !cert->reported &&
        !path_has_key(&loader->errors, &loader->way, &cert->place, cert->text))
        report(loader, cert, MESSAGE_CERT_ALONE, cert->text, NULL);
    if (cert)
        ((struct setting *)cert)->reported = true; /* read the file only once */
    if (loader->way.attempt && loader->errors.count == before)
        try_out(loader, found);
}

void check_settings(struct loader *loader)
{
    const struct policy *policy = loader->policy;
    const struct setting *found[POLICY_SETTINGS];
    bool broken = false;

    for (uint32_t i = 0; i < policy->defaults; i++)
        broken = broken || policy->roots[i]->broken;
    if (broken) /* we do not know what is in force */
        return;
    policy_resolve(policy, NULL, found);
    check(loader, NULL, found);
    for (const struct block *block = policy->blocks; block; block = block->next) {
        check_reach(loader, block);
        policy_resolve(policy, block, found);
        if (!block->broken && !block->scope->broken)
            check(loader, block->settings, found);
    }
}
