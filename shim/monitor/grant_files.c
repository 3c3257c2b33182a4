#include "monitor/grant_files.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "monitor/files/bundled_roots.h"
#include "monitor/files/log_file.h"
#include "monitor/files/open_named.h"

static bool needs_system_roots(const struct settings *s)
{
    return s->level == LEVEL_SECURE && !s->ca_file && !s->ca_dir;
}

static const char *system_path(const struct grant *g, uint32_t which)
{
    if (which == NAMED_BUNDLE)
        return g->system.bundle;
    return which == NAMED_CA_DIR && needs_system_roots(&g->request.settings) ? g->system.folder : NULL;
}

static const char *policys_path(const struct settings *s, uint32_t which)
{
    const char *const path[NAMED_COUNT] = {
#define NAMED(KEY, member, tag, context, server) [NAMED_##KEY] = s->member,
#include "wire/settings.def"
    };

    if (which == NAMED_CLIENT_KEY && !s->client_key)
        return s->client_cert;
    return which < NAMED_COUNT ? path[which] : NULL;
}

const char *grant_path(const struct grant *g, uint32_t which, int *error)
{
    const char *path = system_path(g, which);

    *error = EPERM;
    if (!path)
        path = policys_path(&g->request.settings, which);
    if (path && which == NAMED_CA_FILE && settings_trust_bundled(&g->request.settings))
        path = bundled_roots(error);
    return path;
}

void grant_state(const struct grant *g, uint32_t which, struct file_state *state)
{
    int error;
    const char *const path = grant_path(g, which, &error);

    memset(state, 0, sizeof *state);
    if (!path || !credentials_take_on(g->rights))
        return;
    state_of_named(path, state);
    credentials_return();
}

/* FNV-1a. If two paths get the same number, their questions wait for each other. */
static uint64_t number_of_path(const char *path)
{
    uint64_t number = 0xcbf29ce484222325;

    for (; path && *path; path++)
        number = (number ^ (unsigned char)*path) * 0x100000001b3;
    return path ? number : 0;
}

/*
 * Writing to standard error needs a file system only if it is a file. Then it has a position (lseek(2) asks
 * no file system). What is for syslog needs one if there is no logger.
 */
static uint64_t log_of(const struct grant *g)
{
    const char *const log = g->request.settings.log;
    const bool for_syslog = !log || strcmp(log, "syslog") == 0;

    if (for_syslog)
        return log_has_logger() ? 0 : number_of_path("/run");
    if (log[0] != '/' && strcmp(log, "stderr") != 0)
        return 0;
    return log[0] == '/' || lseek(g->standard_error, 0, SEEK_CUR) >= 0 ? number_of_path(log) : 0;
}

void grant_facts(struct grant *g, struct grant_facts *facts)
{
    const struct settings *const s = &g->request.settings;

    memset(facts, 0, sizeof *facts);
    facts->grant = g->number;
    facts->rights = g->rights_number;
    facts->log = log_of(g);
    if (needs_system_roots(s) && credentials_take_on(g->rights)) {
        system_roots_find(&g->system);
        credentials_return();
    }
    for (uint32_t i = 0; i < NAMED_COUNT; i++) {
        const char *const path = policys_path(s, i);

        facts->path[i] = number_of_path(path ? path : system_path(g, i));
        if (path)
            facts->unseen |= 1U << i;
        else if (system_path(g, i))
            grant_state(g, i, &facts->state[i]);
    }
}
