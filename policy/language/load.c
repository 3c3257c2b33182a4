/* Loads a policy from its files. */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "policy/language/loader.h"
#include "policy/readfile.h"

const char policy_built_in[] = "built-in defaults";

/* Without memory for a policy, everything that might be guarded fails. */
static const struct policy without_memory = {
    .in_error = true,
    .unreadable = true,
    .default_rule = policy_built_in,
    .errors = "no memory for the policy\n",
    .first_error = "no memory for the policy",
};

void *loader_take(struct loader *loader, const struct place *place, size_t size)
{
    void *taken = loader->full ? NULL : arena_take(&loader->arena, size);

    if (!taken && !loader->full) {
        loader->full = true;
        errors_report(&loader->errors, place, MESSAGE_POLICY_TOO_LARGE, "4194304", NULL, NULL);
        loader->policy->unreadable = true;
    }
    return taken;
}

char *loader_text(struct loader *loader, const struct place *place, const char *text, size_t length)
{
    char *taken = loader_take(loader, place, length + 1);

    if (taken)
        memcpy(taken, text, length);
    return taken;
}

char *loader_path(struct loader *loader, const struct word *word)
{
    const char *file = word->place.file->path;
    char path[2 * POLICY_PATH_LIMIT];
    struct text text = text_in(path, sizeof path);

    if (word->text[0] == '~') {
        errors_report(&loader->errors, &word->place, MESSAGE_TILDE, NULL, NULL, NULL);
        return NULL;
    }
    if (word->text[0] != '/')
        text_add_bytes(&text, file, (size_t)(strrchr(file, '/') + 1 - file));
    text_add(&text, word->text);
    if (text.length < POLICY_PATH_LIMIT)
        return loader_text(loader, &word->place, path, text.length);
    errors_report(&loader->errors, &word->place, MESSAGE_PATH_TOO_LONG, "1023", NULL, NULL);
    return NULL;
}

/* Makes a path absolute: programs change their folder, and the relay works in another one. */
static const char *whole_path(struct loader *loader, const char *path)
{
    char whole[2 * POLICY_PATH_LIMIT];
    struct text text;
    const struct place nowhere = {.file = &(const struct file){.path = path}};

    whole[0] = '\0';
    if (path[0] != '/' && (syscall(SYS_getcwd, whole, POLICY_PATH_LIMIT) <= 0 || whole[0] != '/')) {
        report_file(loader, &nowhere, NULL, MESSAGE_FILE_UNREADABLE, errno_words(errno), NULL);
        return NULL;
    }
    text = (struct text){.at = whole, .size = sizeof whole, .length = strlen(whole)};
    if (path[0] != '/')
        text_add(&text, "/");
    text_add(&text, path);
    if (!text.cut && text.length < POLICY_PATH_LIMIT)
        return loader_text(loader, &nowhere, whole, text.length);
    report_file(loader, &nowhere, NULL, MESSAGE_PATH_TOO_LONG, "1023", NULL);
    return NULL;
}

static void read_source(struct loader *loader, const struct policy_source *source)
{
    struct policy *policy = loader->policy;
    const char *path = whole_path(loader, source->path);
    const struct place nowhere = {.file = &(const struct file){.path = source->path}};
    struct scope *root = path ? loader_take(loader, &nowhere, sizeof *root) : NULL;

    if (!root)
        return;
    root->source = loader->source;
    policy->roots[policy->defaults++] = root;
    loader->scope = root;
    loader->block = NULL;
    loader->nowhere = false;
    loader->blocks_end = &loader->blocks[loader->source];
    read_policy_file(loader, path, NULL, source->must_exist);
}

static void settle_defaults(struct loader *loader)
{
    struct policy *policy = loader->policy;
    const struct setting *found[POLICY_SETTINGS];
    char rule[POLICY_PATH_LIMIT + 16];
    struct text text = text_in(rule, sizeof rule);
    const struct setting *level;

    policy_resolve(policy, NULL, found);
    policy_settle(found, &policy->default_settings);
    level = found[POLICY_LEVEL];
    if (!level)
        return;
    text_add(&text, level->place.file->path);
    text_add(&text, ":");
    text_add_number(&text, level->place.line);
    policy->default_rule = loader_text(loader, &level->place, rule, text.length);
    if (!policy->default_rule)
        policy->default_rule = policy_built_in;
}

static void close_loader(struct loader *loader)
{
    struct policy *policy = loader->policy;

    services_forget(&loader->services);
    munmap(loader->scratch.base, loader->scratch.size);
    for (struct file *file = loader->files; file; file = file->next) {
        file_unmap(file->mapping, file->mapped);
        file->mapping = NULL;
        file->text = NULL;
    }
    policy->in_error = loader->errors.count > 0;
    policy->files = loader->files;
    policy->mapped = arena_close(&loader->arena);
    (void)mprotect(policy, policy->mapped, PROT_READ); /* only hardening: nothing depends on it */
}

const struct policy *policy_load(const struct policy_source *sources, size_t count)
{
    return policy_load_by(sources, count, &(struct policy_way){0});
}

const struct policy *policy_load_by(const struct policy_source *sources, size_t count,
                                    const struct policy_way *way)
{
    const int kept = errno;
    struct loader loader = {.arena = arena_map(POLICY_MEMORY_LIMIT),
                            .scratch = arena_map(FILES_OPEN * sizeof *loader.lexers),
                            .way = *way};
    char *errors, *first;

    if (!loader.arena.base || !loader.scratch.base) {
        if (loader.arena.base)
            munmap(loader.arena.base, loader.arena.size);
        errno = kept;
        return &without_memory;
    }
    loader.lexers = arena_take(&loader.scratch, FILES_OPEN * sizeof *loader.lexers);
    loader.policy = arena_take(&loader.arena, sizeof *loader.policy);
    errors = arena_take(&loader.arena, POLICY_ERRORS_LIMIT);
    first = arena_take(&loader.arena, FIRST_ERROR_LIMIT);
    loader.errors = errors_in(errors, POLICY_ERRORS_LIMIT, first);
    loader.policy->errors = errors;
    loader.policy->first_error = first;
    loader.policy->default_rule = policy_built_in;
    loader.policy->guarded_ports = arena_take(&loader.arena, PORT_BITS);
    for (size_t i = 0; i < count && i < POLICY_SOURCES; i++) {
        loader.source = (uint32_t)i;
        if (sources[i].path)
            read_source(&loader, &sources[i]);
    }
    order_defaults(loader.policy);
    for (unsigned i = 0; i < POLICY_SOURCES; i++)
        settle_blocks(loader.policy, loader.blocks[i]);
    put_in_order(loader.policy, loader.blocks);
    settle_defaults(&loader);
    mark_ports(loader.policy);
    check_settings(&loader);
    close_loader(&loader);
    errno = kept;
    return loader.policy;
}

void policy_free(const struct policy *policy)
{
    if (policy && policy->mapped > 0)
        munmap((void *)policy, policy->mapped);
}

const char *policy_errors(const struct policy *policy)
{
    return policy->errors;
}

const char *policy_first_error(const struct policy *policy)
{
    return policy->first_error;
}

size_t policy_default_sources(struct policy_source sources[POLICY_SOURCES], const char *named,
                              const char *home, bool secure, char *buffer, size_t size)
{
    size_t count = 0;
    struct text text;

    if (!secure && named && named[0] != '\0') {
        sources[0] = (struct policy_source){.path = named, .must_exist = true};
        return 1;
    }
    if (!secure && home && home[0] == '/' && size > 0) {
        text = text_in(buffer, size);
        text_add(&text, home);
        text_add(&text, POLICY_OF_USER);
        /* A path that does not fit is cut, and is an error. */
        sources[count++] = (struct policy_source){.path = buffer, .must_exist = text.cut};
    }
    sources[count++] = (struct policy_source){.path = POLICY_OF_MACHINE};
    return count;
}
