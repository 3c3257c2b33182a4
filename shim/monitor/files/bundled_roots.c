#include "monitor/files/bundled_roots.h"

#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "monitor/files/named_files.h"
#include "policy/trust.h"

static const char self[] = "/proc/self/exe";

/*
 * Writes the relay's own folder to `folder`, by cutting the last component off its path. That also removes
 * the mark that the kernel appends to the path of a replaced file.
 */
static bool own_folder(char folder[PATH_MAX])
{
    const ssize_t length = readlink(self, folder, PATH_MAX - 1);
    char *slash;

    folder[length > 0 ? length : 0] = '\0';
    slash = strrchr(folder, '/');
    if (!slash)
        return false;
    *slash = '\0';
    return true;
}

const char *bundled_roots(int *error)
{
    static const char name[] = "/ca-certificates.pem";
    static _Thread_local char path[PATH_MAX + sizeof name];
    const uint32_t user = trust_user(self);
    enum trust of_folder, of_file;

    *error = MONITOR_NO_BUNDLED;
    if (!own_folder(path))
        return NULL;
    of_folder = trust_folder(path[0] ? path : "/", user);
    strcat(path, name);
    of_file = trust_file(path, user);
    if (of_file == TRUST_ABSENT)
        return NULL;
    *error = of_folder == TRUST_GIVEN && of_file == TRUST_GIVEN ? 0 : MONITOR_NOT_TRUSTED;
    return *error == 0 ? path : NULL;
}
