#include "policy/include.h"

#include <string.h>

#include "policy/glob.h"

bool include(struct loader *loader, const struct word *word)
{
    const char *path = loader_path(loader, word);

    if (path == NULL)
        return false;
    read_policy_file(loader, path, &word->place, true);
    return true;
}
