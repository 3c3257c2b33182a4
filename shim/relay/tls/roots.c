#include "relay/tls/roots.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { ABSENT_LIMIT = 16 /* names known to be missing from a folder */ };

static _Thread_local const struct files *asking;
static _Thread_local bool hang;

void roots_ask_for(const struct files *files)
{
    asking = files;
    hang = false;
}

bool roots_hang(void)
{
    return hang;
}

/* ---- files ---- */

/* Reads the file into memory and closes it. BIO_new_fd() would read a byte at a time when asked for lines. */
static BIO *content_of(int fd, char **bytes)
{
    const off_t size = lseek(fd, 0, SEEK_END);
    size_t used = 0;
    ssize_t n = 1;

    *bytes = size >= 0 && lseek(fd, 0, SEEK_SET) == 0 ? malloc((size_t)size + 1) : NULL;
    while (*bytes && n > 0 && used < (size_t)size) {
        n = read(fd, *bytes + used, (size_t)size - used);
        if (n > 0)
            used += (size_t)n;
        else if (n < 0 && errno == EINTR)
            n = 1;
    }
    close(fd);
    return *bytes ? BIO_new_mem_buf(*bytes, (int)used) : NULL;
}

static bool add_info(X509_STORE *store, const X509_INFO *info)
{
    return (!info->x509 || X509_STORE_add_cert(store, info->x509) == 1) &&
           (!info->crl || X509_STORE_add_crl(store, info->crl) == 1);
}

static bool add_all(X509_STORE *store, STACK_OF(X509_INFO) * infos)
{
    int count = 0;

    for (int i = 0; i < sk_X509_INFO_num(infos); i++) {
        const X509_INFO *const info = sk_X509_INFO_value(infos, i);

        if (!add_info(store, info))
            return false;
        count += info->x509 || info->crl;
    }
    if (infos && count == 0)
        ERR_raise(ERR_LIB_X509, X509_R_NO_CERTIFICATE_OR_CRL_FOUND);
    return count > 0;
}

bool roots_add_file(X509_STORE *store, int fd)
{
    char *bytes;
    BIO *const in = content_of(fd, &bytes);
    STACK_OF(X509_INFO) *const infos = in ? PEM_X509_INFO_read_bio(in, NULL, NULL, NULL) : NULL;
    const bool good = add_all(store, infos);

    sk_X509_INFO_pop_free(infos, X509_INFO_free);
    BIO_free(in);
    free(bytes);
    return good;
}

/* Whether OpenSSL failed only because it lacked something, such as memory, that may be there next time. */
static bool was_short(bool read)
{
    return !read || ERR_GET_REASON(ERR_peek_last_error()) == ERR_R_MALLOC_FAILURE;
}

static int add_certificates(X509_STORE *store, BIO *in, bool *good)
{
    X509 *root;
    int count = 0;

    while (*good && (root = PEM_read_bio_X509_AUX(in, NULL, NULL, NULL))) {
        *good = X509_STORE_add_cert(store, root) == 1;
        X509_free(root);
        count++;
    }
    return count;
}

/*
 * A delta CRL lists only what has changed (RFC 5280, 5.2.4). OpenSSL without X509_V_FLAG_EXTENDED_CRL_SUPPORT
 * takes it for a whole one (crypto/x509/x509_vfy.c, get_crl_score()), and would forget what the whole one
 * revokes.
 */
static bool is_delta(const X509_CRL *crl)
{
    return X509_CRL_get_ext_by_NID(crl, NID_delta_crl, -1) >= 0;
}

static int add_lists(X509_STORE *store, BIO *in, bool *good)
{
    X509_CRL *crl;
    int count = 0;

    while (*good && (crl = PEM_read_bio_X509_CRL(in, NULL, NULL, NULL))) {
        *good = is_delta(crl) || X509_STORE_add_crl(store, crl) == 1;
        X509_CRL_free(crl);
        count++;
    }
    return count;
}

/* Adds everything of one kind in the file, and sets `*count`. False if the file has to be read again. */
static bool add_kind(X509_STORE *store, int fd, enum monitor_roots kind, int *count)
{
    char *bytes;
    BIO *const in = content_of(fd, &bytes);
    bool good = in != NULL;

    *count = 0;
    if (in)
        *count = kind == ROOTS_CRLS ? add_lists(store, in, &good) : add_certificates(store, in, &good);
    good = good && !was_short(in);
    BIO_free(in);
    free(bytes);
    return good;
}

bool roots_add_crls(X509_STORE *store, int fd)
{
    int count;

    if (!add_kind(store, fd, ROOTS_CRLS, &count) || count == 0)
        return false;
    ERR_clear_error(); /* the end of the file */
    return true;
}

/* ---- lookups: what a store does not have ---- */

static bool found_in(X509_STORE *store, X509_LOOKUP_TYPE type, const X509_NAME *name, X509_OBJECT *found)
{
    const X509_OBJECT *object;
    bool result = false;

    X509_STORE_lock(store);
    object = X509_OBJECT_retrieve_by_subject(X509_STORE_get0_objects(store), type, name);
    /* The caller takes its own reference (crypto/x509/x509_lu.c); the store keeps another. */
    if (object && type == X509_LU_X509) {
        X509 *const root = X509_OBJECT_get0_X509(object);

        result = X509_OBJECT_set1_X509(found, root) == 1;
        if (result)
            X509_free(root);
    } else if (object) {
        X509_CRL *const crl = X509_OBJECT_get0_X509_CRL((X509_OBJECT *)(uintptr_t)object);

        result = X509_OBJECT_set1_X509_CRL(found, crl) == 1;
        if (result)
            X509_CRL_free(crl);
    }
    X509_STORE_unlock(store);
    return result;
}

/* ---- the folder ---- */

struct folder {
    pthread_mutex_t lock;
    uint64_t absent[ABSENT_LIMIT]; /* kind and hash */
    size_t count;
};

static bool is_absent(struct folder *f, uint64_t what)
{
    bool absent = false;

    pthread_mutex_lock(&f->lock);
    for (size_t i = 0; i < ABSENT_LIMIT && i < f->count && !absent; i++)
        absent = f->absent[i] == what;
    pthread_mutex_unlock(&f->lock);
    return absent;
}

static void note_absent(struct folder *f, uint64_t what)
{
    pthread_mutex_lock(&f->lock);
    f->absent[f->count++ % ABSENT_LIMIT] = what;
    pthread_mutex_unlock(&f->lock);
}

/* Fetches what the folder has under `hash`. Returns whether the store got anything. */
static bool fetch(struct folder *f, X509_STORE *store, enum monitor_roots kind, uint32_t hash)
{
    const uint64_t what = (uint64_t)kind << 32 | hash;
    int fd[MONITOR_DESCRIPTORS], added = 0;
    size_t count;
    int error;
    bool good;

    if (!asking || is_absent(f, what))
        return false;
    error = files_roots(asking, kind, hash, fd, &count);
    good = error == 0;
    hang = hang || error == MONITOR_HANGS;
    for (size_t i = 0; i < count; i++) {
        int some;

        good = add_kind(store, fd[i], kind, &some) && good;
        added += some;
    }
    if (good && added == 0)
        note_absent(f, what);
    return added > 0;
}

static int find_in_folder(X509_LOOKUP *lookup, X509_LOOKUP_TYPE type, const X509_NAME *name,
                          X509_OBJECT *found)
{
    X509_STORE *const store = X509_LOOKUP_get_store(lookup);
    struct folder *const f = X509_LOOKUP_get_method_data(lookup);
    int good = 0, result = 0;
    unsigned long hash;

    if (type != X509_LU_X509 && type != X509_LU_CRL)
        return 0;
    if (found_in(store, type, name, found))
        return 1;
    ERR_set_mark();
    hash = X509_NAME_hash_ex(name, NULL, NULL, &good);
    if (good && fetch(f, store, type == X509_LU_CRL ? ROOTS_CRLS : ROOTS_CERTIFICATES, (uint32_t)hash))
        result = found_in(store, type, name, found);
    ERR_pop_to_mark();
    return result;
}

static void free_folder(X509_LOOKUP *lookup)
{
    struct folder *const f = X509_LOOKUP_get_method_data(lookup);

    if (f)
        pthread_mutex_destroy(&f->lock);
    free(f);
}

/* ---- the bundle ---- */

static pthread_mutex_t bundle_lock = PTHREAD_MUTEX_INITIALIZER;

/* The method's data is the lookup itself until the file has been read. */
static void read_once(X509_LOOKUP *lookup)
{
    int fd, count, error;

    pthread_mutex_lock(&bundle_lock);
    if (X509_LOOKUP_get_method_data(lookup) && asking) {
        ERR_set_mark();
        error = files_open(asking, NAMED_BUNDLE, &fd);
        hang = hang || error == MONITOR_HANGS;
        if (error == 0 ? add_kind(X509_LOOKUP_get_store(lookup), fd, ROOTS_CERTIFICATES, &count)
                       : error != EMFILE && error != ENFILE && error != ENOMEM && error != MONITOR_HANGS)
            X509_LOOKUP_set_method_data(lookup, NULL);
        ERR_pop_to_mark();
    }
    pthread_mutex_unlock(&bundle_lock);
}

/* Called for a certificate or CRL that is in neither the store nor an earlier lookup. */
static int find_in_bundle(X509_LOOKUP *lookup, X509_LOOKUP_TYPE type, const X509_NAME *name,
                          X509_OBJECT *found)
{
    if (type != X509_LU_X509)
        return 0;
    read_once(lookup);
    return found_in(X509_LOOKUP_get_store(lookup), type, name, found);
}

/* ---- what the system's roots are worth ---- */

enum {
    /*
     * A store lags: the newest root in Debian's store of March 2023 dates from April 2021. A store in which
     * no root is younger than this many years is no longer maintained.
     */
    OLD_YEARS = 8,
    YOUNGEST = 3, /* the oldest of so many decides: a company's own new root makes no old store young */
};

/* Keeps the latest years, the latest one first. */
static void note_year(int year[YOUNGEST], int new)
{
    for (size_t i = 0; i < YOUNGEST; i++) {
        const int old = year[i];

        if (new > old) {
            year[i] = new;
            new = old;
        }
    }
}

/* The number of roots, and the years in which the youngest of them begin. */
static size_t years_of(X509_STORE *store, int year[YOUNGEST])
{
    size_t count = 0;
    struct tm begin;

    X509_STORE_lock(store);
    for (int i = 0; i < sk_X509_OBJECT_num(X509_STORE_get0_objects(store)); i++) {
        const X509 *const root =
            X509_OBJECT_get0_X509(sk_X509_OBJECT_value(X509_STORE_get0_objects(store), i));

        if (!root || ASN1_TIME_to_tm(X509_get0_notBefore(root), &begin) != 1)
            continue;
        note_year(year, begin.tm_year + 1900);
        count++;
    }
    X509_STORE_unlock(store);
    return count;
}

enum roots_worth roots_of_system(X509_STORE *store, int *newest)
{
    int year[YOUNGEST] = {0};
    const time_t now = time(NULL);
    struct tm today;
    size_t count;

    if (!asking || !gmtime_r(&now, &today))
        return ROOTS_FIT;
    count = years_of(store, year);
    /* If there is only a folder, we cannot know what else is in it. */
    if (asking->facts.state[NAMED_BUNDLE].inode == 0)
        return asking->facts.state[NAMED_CA_DIR].inode == 0 ? ROOTS_MISSING : ROOTS_FIT;
    if (count == 0)
        return asking->facts.state[NAMED_CA_DIR].inode == 0 ? ROOTS_MISSING : ROOTS_FIT;
    *newest = year[count < YOUNGEST ? count - 1 : YOUNGEST - 1];
    return *newest + OLD_YEARS < today.tm_year + 1900 ? ROOTS_OLD : ROOTS_FIT;
}

/* ---- methods ---- */

static X509_LOOKUP_METHOD *folder_method, *bundle_method;

static void make_methods(void)
{
    folder_method = X509_LOOKUP_meth_new("retrotls folder");
    bundle_method = X509_LOOKUP_meth_new("retrotls bundle");
    if (folder_method) {
        X509_LOOKUP_meth_set_get_by_subject(folder_method, find_in_folder);
        X509_LOOKUP_meth_set_free(folder_method, free_folder);
    }
    if (bundle_method)
        X509_LOOKUP_meth_set_get_by_subject(bundle_method, find_in_bundle);
}

static X509_LOOKUP *add_lookup(X509_STORE *store, X509_LOOKUP_METHOD *const *method)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, make_methods);
    return *method ? X509_STORE_add_lookup(store, *method) : NULL;
}

bool roots_add_folder(X509_STORE *store)
{
    struct folder *const f = calloc(1, sizeof *f);
    X509_LOOKUP *const lookup = f ? add_lookup(store, &folder_method) : NULL;

    if (!lookup || X509_LOOKUP_set_method_data(lookup, f) != 1) {
        free(f);
        return false;
    }
    pthread_mutex_init(&f->lock, NULL);
    return true;
}

bool roots_add_bundle(X509_STORE *store)
{
    X509_LOOKUP *const lookup = add_lookup(store, &bundle_method);

    return lookup && X509_LOOKUP_set_method_data(lookup, lookup) == 1;
}
