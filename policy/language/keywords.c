#include "policy/language/keywords.h"

#include <stddef.h>
#include <string.h>

#include "policy/policy.h"

const char *const setting_words[] = {
#define SETTING(KEY, word, read, show, members) [POLICY_##KEY] = word,
#include "wire/settings.def"
    [POLICY_SETTINGS] = "include",
    [POLICY_SETTINGS + 1] = "match",
    [POLICY_SETTINGS + 2] = NULL,
};

const char *const criterion_words[] = {"host", "address", "port", "program", "user", "protocol", NULL};
const char *const level_words[] = {"none", "may", "encrypt", "secure", "fingerprint", NULL};
#define PROTOCOL(KIND, name, ports, implicit_port) #name,
const char *const protocol_words[] = {"auto",
#include "wire/protocols.def"
                                      NULL};
#undef PROTOCOL
const char *const tls_words[] = {"starttls", "implicit", "auto", NULL};
const char *const yes_no_words[] = {"no", "yes", NULL};
const char *const certificate_checks_words[] = {"normal", "strict", NULL};
const char *const sandbox_words[] = {"required", "optional", NULL};
const char *const unreached_words[] = {"warn", "refuse", NULL};
const char *const reach_words[] = {"preload", "auto", "supervise", "both", NULL};
const char *const version_words[] = {"1.2", "1.3", NULL};
const char *const log_words[] = {"syslog", "stderr", "none", NULL};
const char *const ca_words[] = {"system", SETTINGS_BUNDLED, NULL};
const char *const pin_words[] = {"sha256:", "spki-sha256:", NULL};

int word_index(const char *word, const char *const *words)
{
    for (int i = 0; words[i]; i++)
        if (strcmp(word, words[i]) == 0)
            return i;
    return -1;
}

int word_before_sign(const char *text, const char *const *words, char *sign)
{
    const size_t length = strcspn(text, "=:");

    *sign = text[length];
    for (int i = 0; *sign != '\0' && words[i]; i++)
        if (strlen(words[i]) == length && strncmp(text, words[i], length) == 0)
            return i;
    return -1;
}

const char *policy_setting_name(enum policy_setting setting)
{
    return (unsigned)setting < POLICY_SETTINGS ? setting_words[setting] : "unknown";
}
