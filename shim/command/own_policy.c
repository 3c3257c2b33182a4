#include "command/own_policy.h"

#include <pwd.h>
#include <stdlib.h>
#include <sys/types.h>
#include <unistd.h>

size_t sources_of(struct policy_source sources[POLICY_SOURCES], const char *home)
{
    static char paths[2 * 4096]; /* must outlive the sources; there is only one set */

    return policy_default_sources(sources, getenv("RETROTLS_POLICY"), home, false, paths, sizeof paths);
}

size_t own_sources(struct policy_source sources[POLICY_SOURCES])
{
    const char *home = getenv("HOME");

    if (!home || *home != '/') {
        const struct passwd *const own = getpwuid(getuid());
        home = own ? own->pw_dir : NULL;
    }
    return sources_of(sources, home);
}

const struct policy *own_policy(void)
{
    struct policy_source sources[POLICY_SOURCES];
    const size_t count = own_sources(sources);

    return policy_load(sources, count);
}
