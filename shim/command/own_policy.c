#include "command/own_policy.h"

#include <errno.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include "command/look_apart.h"
#include "command/usage.h"

bool use_policy(const char *file)
{
    char folder[PATH_MAX], path[2 * PATH_MAX];

    if (*file != '/') {
        if (!getcwd(folder, sizeof folder)) {
            complain("cannot tell where '%s' is: %s", file, strerror(errno));
            return false;
        }
        snprintf(path, sizeof path, "%s/%s", folder, file);
        file = path;
    }
    return setenv("RETROTLS_POLICY", file, 1) == 0;
}

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

const struct policy *own_policy(bool may_hang)
{
    struct policy_source sources[POLICY_SOURCES];
    const size_t count = own_sources(sources);

    return policy_load_by(sources, count, &(struct policy_way){.apart = look_apart, .may_hang = may_hang});
}

enum reach own_reach(const struct policy *policy, const char *program)
{
    const struct passwd *const user = getpwuid(geteuid());
    char *const path = realpath(program, NULL);
    const struct policy_query query = {
        .program = path, .user = user ? user->pw_name : NULL, .uid = (uint32_t)geteuid()};
    const enum reach reach = policy_reach(policy, &query);

    free(path);
    return reach;
}
