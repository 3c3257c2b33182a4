/* Whether the files of a loaded policy have changed since. */
#include <errno.h>
#include <string.h>

#include "policy/model.h"
#include "policy/readfile.h"

void policy_look(const struct policy *policy, struct policy_now *now)
{
    const int saved = errno;

    *now = (struct policy_now){.same = true, .mark = 1};
    for (const struct file *file = policy->files; file; file = file->next) {
        struct file_facts facts = {.inode = 0};
        const bool there = file_look(file->path, true, &facts) == 0;
        const uint64_t state = there ? file_state(&facts) : 0;

        now->mark = (now->mark ^ state) * UINT64_C(1099511628211);
        if (there && facts.changed > now->changed)
            now->changed = facts.changed;
        now->same = now->same && state == file->state;
        if (file->inode != 0 && (!there || (file->size > 0 && facts.size == 0)))
            now->lost = file->path;
    }
    errno = saved;
}

bool policy_has_file(const struct policy *policy, const char *path)
{
    for (const struct file *file = policy->files; file; file = file->next)
        if (file->inode != 0 && strcmp(file->path, path) == 0)
            return true;
    return false;
}

const char *policy_log(const struct policy *policy)
{
    return policy->default_settings.log;
}
