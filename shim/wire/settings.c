#include "wire/settings.h"

#include <string.h>

const char *level_name(enum level level)
{
    static const char names[][12] = {"none", "may", "encrypt", "secure", "fingerprint"};

    return (unsigned)level < sizeof names / sizeof names[0] ? names[level] : "unknown";
}

const char *reach_name(enum reach reach)
{
    static const char names[][12] = {"preload", "auto", "supervise", "both"};

    return (unsigned)reach < sizeof names / sizeof names[0] ? names[reach] : "unknown";
}

bool level_demands_tls(enum level level)
{
    return level != LEVEL_NONE && level != LEVEL_MAY;
}

bool settings_trust_bundled(const struct settings *settings)
{
    return settings->ca_file && strcmp(settings->ca_file, SETTINGS_BUNDLED) == 0;
}
