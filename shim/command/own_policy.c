#include "command/own_policy.h"

#include <pwd.h>
#include <stdlib.h>
#include <sys/types.h>
#include <unistd.h>

const struct policy *own_policy(void)
{
    static char paths[2 * 4096]; /* must outlive the sources, of which there is one set */
    struct policy_source sources[POLICY_SOURCES];
    const char *const named = getenv("RETROTLS_POLICY");
    const char *home = getenv("HOME");
    size_t count;

    if (!home || *home != '/') {
        const struct passwd *const own = getpwuid(getuid());
        home = own ? own->pw_dir : NULL;
    }
    count = policy_default_sources(sources, named && *named ? named : NULL, home, false, paths, sizeof paths);
    return policy_load(sources, count);
}
