#include "relay/domain.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "relay/landlock.h"
#include "relay/plain.h"

enum {
    RULESETS_LIMIT = 8, /* kept for later connections */
    LINKS_LIMIT = 4096, /* of one folder of roots */
};

/* As far as the packages of distributions link to it from their folder of roots. */
static const char packaged[] = "/usr/share/ca-certificates";

/* As tls_apply_settings() has it. */
static bool needs_system_roots(const struct settings *s)
{
    return s->level == LEVEL_SECURE && !s->ca_file && !s->ca_dir;
}

static void list(const struct settings *s, const char *path[DOMAIN_FILES])
{
    path[0] = s->ca_file;
    path[1] = s->crl_file;
    path[2] = s->client_cert;
    path[3] = s->client_key;
    path[4] = s->ca_dir;
}

void domain_of(struct domain *domain, const struct settings *settings)
{
    const char *path[DOMAIN_FILES];
    struct stat st;

    memset(domain, 0, sizeof *domain);
    list(settings, path);
    for (size_t i = 0; i < DOMAIN_FILES; i++) {
        if (!path[i] || stat(path[i], &st) != 0)
            continue;
        domain->file[i].device = st.st_dev;
        domain->file[i].inode = st.st_ino;
        if (S_ISDIR(st.st_mode))
            domain->file[i].changed =
                (uint64_t)st.st_mtim.tv_sec * 1000000000U + (uint64_t)st.st_mtim.tv_nsec;
    }
    domain->system_roots = needs_system_roots(settings);
    if (settings->ca_dir || domain->system_roots)
        domain->age = 1 + (uint64_t)plain_now() / DOMAIN_AGE;
}

bool domain_is_same(const struct domain *one, const struct domain *other)
{
    return memcmp(one, other, sizeof *one) == 0;
}

/* ---- rules ---- */

/* Whether the entry `name` of a folder leads out of it, to where no rule reaches yet. */
static bool leads_out(int folder, const char *name)
{
    const size_t prefix = sizeof packaged - 1;
    char target[512]; /* cut, a longer one is taken to lead out if what is there does */
    const ssize_t length = readlinkat(folder, name, target, sizeof target);

    if (length < 0) /* it is no link */
        return false;
    if ((size_t)length > prefix && memcmp(target, packaged, prefix) == 0 && target[prefix] == '/')
        return false;
    return memchr(target, '/', (size_t)length) != NULL;
}

/* What links in a folder of roots lead to is elsewhere, for Landlock. */
static bool allow_linked(int ruleset, const char *path)
{
    DIR *folder = opendir(path);
    const struct dirent *entry;
    bool good = true;

    if (!folder)
        return errno != EMFILE && errno != ENFILE && errno != ENOMEM;
    for (int links = 0; good && links < LINKS_LIMIT && (entry = readdir(folder)) != NULL;) {
        if ((entry->d_type != DT_LNK && entry->d_type != DT_UNKNOWN) ||
            !leads_out(dirfd(folder), entry->d_name))
            continue;
        links++;
        good = landlock_allow_reading(ruleset, dirfd(folder), entry->d_name);
    }
    closedir(folder);
    return good;
}

static bool allow_roots(int ruleset, const char *path)
{
    return landlock_allow_reading(ruleset, AT_FDCWD, path) &&
           landlock_allow_reading(ruleset, AT_FDCWD, packaged) && allow_linked(ruleset, path);
}

static bool allow_all(int ruleset, const struct settings *settings)
{
    const char *path[DOMAIN_FILES];
    bool good = true;

    list(settings, path);
    for (size_t i = 0; good && i < DOMAIN_FILES; i++)
        good = !path[i] || landlock_allow_reading(ruleset, AT_FDCWD, path[i]);
    if (good && settings->ca_dir)
        good = allow_roots(ruleset, settings->ca_dir);
    if (good && needs_system_roots(settings))
        good = landlock_allow_reading(ruleset, AT_FDCWD, X509_get_default_cert_file()) &&
               allow_roots(ruleset, X509_get_default_cert_dir());
#ifdef RETROTLS_SANITIZED
    /* A sanitizer's run time looks for stacks and modules there. */
    good = good && landlock_allow_reading(ruleset, AT_FDCWD, "/proc/self");
#endif
    return good;
}

/* ---- rulesets ---- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
    bool used;
    int ruleset;
    struct domain domain;
} kept[RULESETS_LIMIT];
static size_t made;

/* Under `lock`. The ruleset stays in the list. -1 with errno. */
static int find_or_make(const struct domain *domain, const struct settings *settings)
{
    int ruleset;

    for (size_t i = 0; i < RULESETS_LIMIT; i++) {
        if (kept[i].used && domain_is_same(&kept[i].domain, domain))
            return kept[i].ruleset;
    }
    ruleset = landlock_for_connection();
    if (ruleset < 0)
        return -1;
    if (!allow_all(ruleset, settings)) {
        const int error = errno;

        close(ruleset);
        errno = error;
        return -1;
    }
    if (kept[made % RULESETS_LIMIT].used)
        close(kept[made % RULESETS_LIMIT].ruleset);
    kept[made % RULESETS_LIMIT].used = true;
    kept[made % RULESETS_LIMIT].ruleset = ruleset;
    kept[made % RULESETS_LIMIT].domain = *domain;
    made++;
    return ruleset;
}

int domain_enter(const struct domain *domain, const struct settings *settings)
{
    int ruleset, error;

    pthread_mutex_lock(&lock);
    ruleset = find_or_make(domain, settings);
    error = ruleset < 0 ? errno : landlock_take_on(ruleset);
    pthread_mutex_unlock(&lock);
    return error;
}
