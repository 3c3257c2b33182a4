#include "policy/language/include.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "policy/glob.h"
#include "policy/readfile.h"

struct entry {
    struct entry *next;
    const char *name;
};

struct listing {
    struct loader *loader;
    const struct place *place;
    const char *pattern;
    struct entry *entries; /* sorted */
    uint32_t count;
    bool failed;
};

static bool fail(struct loader *loader, const struct place *place, enum message message, const char *a,
                 const char *b)
{
    errors_report(&loader->errors, place, message, a, b, NULL);
    return false;
}

/* Moves a file's settings to the defaults of the file that includes it. */
static void join(struct loader *loader, struct scope *to, struct scope *from)
{
    to->broken = to->broken || from->broken;
    while (from->settings) {
        struct setting *setting = from->settings;

        from->settings = setting->next;
        setting->next = NULL;
        add_to_list(loader, &to->settings, setting, &setting->place);
    }
}

static void include_file(struct loader *loader, const char *path, const struct place *place)
{
    struct scope *outer = loader->scope, *own = loader_take(loader, place, sizeof *own);
    const bool after_blocks = loader->block || loader->nowhere;
    const uint32_t before = loader->blocks_count;

    if (!own)
        return;
    own->beneath = outer;
    own->source = loader->source;
    loader->scope = own;
    loader->block = NULL;
    loader->nowhere = false;
    read_policy_file(loader, path, place, true);
    loader->scope = outer;
    loader->block = NULL;
    loader->nowhere = after_blocks || loader->blocks_count != before;
    if (loader->blocks_count != before)
        return;
    if (after_blocks && own->settings)
        fail(loader, place, MESSAGE_INCLUDE_LOST, path, NULL);
    else if (!after_blocks)
        join(loader, outer, own);
}

static bool list(void *context, const char *name)
{
    struct listing *l = context;
    struct entry **at = &l->entries, *entry;

    if ((name[0] == '.' && l->pattern[0] != '.') || strcmp(name, ".") == 0 || strcmp(name, "..") == 0 ||
        !glob_fits(l->pattern, name))
        return true;
    l->failed = true;
    if (l->count++ == POLICY_FILES_LIMIT)
        return fail(l->loader, l->place, MESSAGE_FILES_TOO_MANY, "256", NULL);
    entry = loader_take(l->loader, l->place, sizeof *entry);
    if (!entry)
        return false;
    entry->name = loader_text(l->loader, l->place, name, strlen(name));
    if (!entry->name)
        return false;
    while (*at && strcmp((*at)->name, name) < 0)
        at = &(*at)->next;
    entry->next = *at;
    *at = entry;
    l->failed = false;
    return true;
}

/* A file that is put there later makes another policy. */
static void note_folder(struct loader *loader, const struct place *place, const char *path,
                        const struct file_facts *facts)
{
    struct file *const file = loader_take(loader, place, sizeof *file);
    const char *const own = loader_text(loader, place, path, strlen(path));

    if (!file || !own)
        return;
    *file = (struct file){.next = loader->files,
                          .path = own,
                          .device = facts->device,
                          .inode = facts->inode,
                          .state = file_state(facts)};
    loader->files = file;
}

static bool list_folder(struct listing *l, const char *folder)
{
    struct file_facts facts;
    const int descriptor = file_open(folder, &facts);
    int error;

    if (descriptor < 0)
        return fail(l->loader, l->place, MESSAGE_PATH_UNREADABLE, folder, errno_words(errno));
    note_folder(l->loader, l->place, folder, &facts);
    error = S_ISDIR(facts.mode) ? folder_read(descriptor, list, l) : ENOTDIR;
    file_close(descriptor);
    if (error != 0)
        return fail(l->loader, l->place, MESSAGE_PATH_UNREADABLE, folder, errno_words(error));
    return !l->failed;
}

/* `path` ends with the pattern. Its first `folder` bytes are the folder, with the slash. */
static bool include_pattern(struct loader *loader, char *path, const struct place *place)
{
    char *name = strrchr(path, '/') + 1;
    struct listing l = {.loader = loader, .place = place};
    const size_t folder = (size_t)(name - path);

    l.pattern = loader_text(loader, place, name, strlen(name));
    if (!l.pattern)
        return false;
    *name = '\0';
    if (!list_folder(&l, path))
        return false;
    for (const struct entry *entry = l.entries; entry && !loader->full; entry = entry->next) {
        const size_t length = strlen(entry->name);
        char *whole = loader_take(loader, place, folder + length + 1);

        if (!whole)
            return false;
        if (folder + length >= POLICY_PATH_LIMIT)
            return fail(loader, place, MESSAGE_PATH_TOO_LONG, "1023", NULL);
        memcpy(whole, path, folder);
        memcpy(whole + folder, entry->name, length + 1);
        include_file(loader, whole, place);
    }
    return true;
}

bool include(struct loader *loader, const struct word *word)
{
    const struct place place = word->place;
    const char *slash = strrchr(word->text, '/'), *special = strpbrk(word->text, "*?");
    char *path;

    if (loader->depth > POLICY_INCLUDE_DEPTH_LIMIT)
        return fail(loader, &place, MESSAGE_INCLUDE_DEPTH, "8", NULL);
    if (special && slash && special < slash)
        return fail(loader, &place, MESSAGE_INCLUDE_PATTERN, NULL, NULL);
    path = loader_path(loader, word);
    if (!path)
        return false;
    if (special)
        return include_pattern(loader, path, &place);
    include_file(loader, path, &place);
    return true;
}
