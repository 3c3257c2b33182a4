#include "policy/trust.h"

#include <stdbool.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/readfile.h"

uint32_t trust_user(const char *own)
{
    struct file_facts facts;

    return file_look(own, true, &facts) == 0 && facts.owner == (uint32_t)geteuid() ? facts.owner : 0;
}

static enum trust look(const char *path, uint32_t user, bool folder)
{
    struct file_facts facts;

    if (file_look(path, folder, &facts) != 0)
        return TRUST_ABSENT;
    if (!folder && !S_ISREG(facts.mode))
        return TRUST_NO_FILE;
    if (facts.owner != 0 && facts.owner != user)
        return TRUST_STRANGER;
    return facts.mode & (S_IWGRP | S_IWOTH) ? TRUST_WRITABLE : TRUST_GIVEN;
}

enum trust trust_file(const char *path, uint32_t user)
{
    return look(path, user, false);
}

enum trust trust_folder(const char *path, uint32_t user)
{
    return look(path, user, true);
}

const char *trust_words(enum trust trust)
{
    switch (trust) {
    case TRUST_ABSENT:
        return "cannot be found";
    case TRUST_NO_FILE:
        return "is not a regular file";
    case TRUST_STRANGER:
        return "belongs neither to root nor to the user who runs this and owns the file beside it";
    case TRUST_WRITABLE:
        return "can be written to by others, not only by its owner";
    default:
        return "is trusted";
    }
}
