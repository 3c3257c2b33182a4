#include "command/reach/beside.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

bool beside_start(struct beside *beside)
{
    static const char self[] = "/proc/self/exe";
    const ssize_t length = readlink(self, beside->folder, sizeof beside->folder - 1);
    char *slash;

    beside->folder[length > 0 ? length : 0] = '\0';
    beside->trust = TRUST_GIVEN;
    slash = strrchr(beside->folder, '/');
    if (length <= 0 || !slash) {
        errno = length < 0 ? errno : ENOENT;
        return false;
    }
    *slash = '\0';
    beside->user = trust_user(self);
    return true;
}

/* Checks the folders from the command's to the file, then the file. `part` is where the check stopped. */
static enum trust look_along(const struct beside *beside, const char *path, char part[PATH_MAX])
{
    const char *end = path + strlen(beside->folder);
    enum trust trust;

    do {
        snprintf(part, PATH_MAX, "%.*s", (int)(end - path), path);
        trust = trust_folder(end > path ? part : "/", beside->user);
        end = strchr(end + 1, '/');
    } while (trust == TRUST_GIVEN && end);
    if (trust != TRUST_GIVEN)
        return trust;
    snprintf(part, PATH_MAX, "%s", path);
    return trust_file(part, beside->user);
}

bool beside_trusts(struct beside *beside, const char *path)
{
    char part[PATH_MAX];
    enum trust trust;

    if (strlen(path) >= sizeof part)
        return false;
    if (strcmp(beside->folder, RETROTLS_COMMAND_FOLDER) == 0)
        return true;
    trust = look_along(beside, path, part);
    if (trust != TRUST_GIVEN && trust != TRUST_ABSENT && beside->trust == TRUST_GIVEN) {
        beside->trust = trust;
        strcpy(beside->file, path);
        strcpy(beside->cause, part);
    }
    return trust == TRUST_GIVEN;
}

void beside_describe(const struct beside *beside, char *words, size_t size)
{
    words[0] = '\0';
    if (beside->trust != TRUST_GIVEN)
        snprintf(words, size, "%s is not used, because %s %s.", beside->file,
                 strcmp(beside->file, beside->cause) == 0 ? "it" : beside->cause, trust_words(beside->trust));
}

bool beside_program(const char *name, char path[BESIDE_PATH], char *words, size_t size)
{
    static const char *const places[] = {"", "../libexec/retrotls/"};
    static struct beside beside;
    static char doubt[3 * PATH_MAX];

    if (!beside_start(&beside)) {
        snprintf(words, size, "cannot tell where this command is: %s", strerror(errno));
        return false;
    }
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        snprintf(path, BESIDE_PATH, "%s/%s%s", beside.folder, places[i], name);
        if (access(path, F_OK) == 0 && beside_trusts(&beside, path))
            return true;
    }
    beside_describe(&beside, doubt, sizeof doubt);
    if (doubt[0])
        snprintf(words, size, "%s Fix that, or install retrotls again", doubt);
    else
        snprintf(words, size, "%s: %s; install retrotls again", path, strerror(ENOENT));
    return false;
}
