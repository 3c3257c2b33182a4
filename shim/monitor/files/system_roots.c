#include "monitor/files/system_roots.h"

#include <dirent.h>
#include <openssl/x509.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

#include "monitor/files/open_named.h"

enum { HASH_DIGITS = 8 };

/* HASH.N, as X509_NAME_hash() names a certificate. A revocation list has an `r` before its number. */
static bool is_hashed_name(const char *name)
{
    return strspn(name, "0123456789abcdef") == HASH_DIGITS && name[HASH_DIGITS] == '.' &&
           name[HASH_DIGITS + 1] >= '0' && name[HASH_DIGITS + 1] <= '9';
}

static bool has_hashed_name(const char *path)
{
    DIR *const folder = opendir(path);
    const struct dirent *entry;
    bool found = false;

    while (folder && !found && (entry = readdir(folder)))
        found = is_hashed_name(entry->d_name);
    if (folder)
        closedir(folder);
    return found;
}

/*
 * Red Hat's /etc/ssl/certs has files but no hashes, and without ca-certificates the folder is empty. Every
 * connection asks, so we keep the last answer until the folder changes.
 */
static bool is_folder_of_roots(const char *path)
{
    static struct {
        struct file_state state;
        bool hashed;
    } last;
    struct file_state state;

    state_of_named(path, &state);
    if (state.inode == 0)
        return false;
    if (memcmp(&state, &last.state, sizeof state) != 0) {
        last.hashed = has_hashed_name(path);
        last.state = state;
    }
    return last.hashed;
}

static bool is_bundle(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0;
}

void system_roots_among(const char *const *folders, const char *const *bundles, struct system_roots *roots)
{
    while (*folders && !is_folder_of_roots(*folders))
        folders++;
    while (*bundles && !is_bundle(*bundles))
        bundles++;
    *roots = (struct system_roots){*folders, *bundles};
}

void system_roots_find(struct system_roots *roots)
{
    const char *const folders[] = {
        X509_get_default_cert_dir(),
        "/etc/ssl/certs",                                 /* Debian, SUSE, Alpine, Arch */
        "/etc/pki/ca-trust/extracted/pem/directory-hash", /* Fedora */
        "/var/lib/ca-certificates/pem",                   /* SUSE; the previous one is a link to it */
        NULL,
    };
    const char *const bundles[] = {
        X509_get_default_cert_file(),
        "/etc/ssl/certs/ca-certificates.crt",                /* Debian, Alpine, Gentoo */
        "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", /* Red Hat from 6 on, Fedora */
        "/etc/pki/tls/certs/ca-bundle.crt",                  /* Red Hat 5 */
        "/var/lib/ca-certificates/ca-bundle.pem",            /* SUSE */
        "/etc/ssl/ca-bundle.pem",                            /* SUSE 11 */
        "/etc/ca-certificates/extracted/tls-ca-bundle.pem",  /* Arch */
        "/etc/ssl/cert.pem",                                 /* Alpine without its scripts */
        NULL,
    };

    system_roots_among(folders, bundles, roots);
}
