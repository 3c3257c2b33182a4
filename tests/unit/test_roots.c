/*
 * The system's bundle of roots is read only when a root is needed that is nowhere else, and only once. A
 * folder of roots is asked for each name once.
 */
#include <openssl/x509_vfy.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "relay/tls/roots.h"
#include "relay/tls/verify.h"
#include "tests/unit/cmocka_all.h"
#include "tests/unit/tls_peer.h"

static struct peer_authority authority;
static const char *bundle = "/nonexistent";
static struct settings settings = {.level = LEVEL_SECURE};

/* Replaces libcrypto's. */
const char *X509_get_default_cert_file(void)
{
    return bundle;
}

/* The store of a connection that trusts the system's roots, with the bundle at `path`. */
static X509_STORE *store_with(const char *path, struct files *files)
{
    X509_STORE *const store = X509_STORE_new();

    bundle = path;
    files_of_settings(files, &settings);
    roots_ask_for(files);
    assert_true(roots_add_bundle(store));
    return store;
}

static void close_store(X509_STORE *store, struct files *files)
{
    roots_ask_for(NULL);
    files_end(files);
    X509_STORE_free(store);
}

static struct identity_of_peer known, unknown;

static int make(void **state)
{
    struct identity_of_peer stranger =
        peer_certificate(&(struct wish){.cn = "Unknown Root", .ca = true}, NULL);

    (void)state;
    peer_authority_open(&authority);
    known = peer_certificate(&(struct wish){.cn = "a", .san = "DNS:a.example"}, &authority.root);
    unknown = peer_certificate(&(struct wish){.cn = "b", .san = "DNS:b.example"}, &stranger);
    peer_certificate_free(&stranger);
    return 0;
}

static int destroy(void **state)
{
    (void)state;
    peer_certificate_free(&known);
    peer_certificate_free(&unknown);
    peer_authority_close(&authority);
    return 0;
}

static int verify(X509_STORE *store, X509 *certificate)
{
    X509_STORE_CTX *context = X509_STORE_CTX_new();
    int error;

    assert_int_equal(X509_STORE_CTX_init(context, store, certificate, NULL), 1);
    X509_verify_cert(context);
    error = X509_STORE_CTX_get_error(context);
    X509_STORE_CTX_free(context);
    return error;
}

static void a_root_of_the_bundle_is_found(void **state)
{
    struct files files;
    X509_STORE *store;

    (void)state;
    store = store_with(authority.file, &files);
    assert_int_equal(sk_X509_OBJECT_num(X509_STORE_get0_objects(store)), 0); /* not read yet */
    assert_int_equal(verify(store, known.certificate), X509_V_OK);
    assert_int_equal(verify(store, unknown.certificate), X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY);
    close_store(store, &files);
}

static void write_to(const char *path, const char *text)
{
    FILE *const file = fopen(path, "we");

    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

static void it_is_read_once(void **state)
{
    char path[] = "/tmp/retrotls-test-bundle-XXXXXX";
    struct files files;
    X509_STORE *store;

    (void)state;
    close(mkstemp(path));
    write_to(path, "no certificate\n");
    store = store_with(path, &files);
    assert_int_not_equal(verify(store, known.certificate), X509_V_OK);
    peer_certificate_to_file(&authority.root, path);
    assert_int_not_equal(verify(store, known.certificate), X509_V_OK);
    close_store(store, &files);
    unlink(path);
}

static void no_bundle_is_one_without_roots(void **state)
{
    struct files files;
    X509_STORE *store;

    (void)state;
    store = store_with("/nonexistent/bundle.pem", &files);
    assert_int_equal(verify(store, known.certificate), X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY);
    close_store(store, &files);
}

/* All descriptors are in use just when the first connection needs a root. */
static void it_is_read_again_where_it_could_not_be_opened(void **state)
{
    struct files files;
    X509_STORE *store;
    struct rlimit limit, none;

    (void)state;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    none = (struct rlimit){.rlim_cur = 0, .rlim_max = limit.rlim_max};
    store = store_with(authority.file, &files);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    assert_int_equal(verify(store, known.certificate), X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_int_equal(verify(store, known.certificate), X509_V_OK);
    close_store(store, &files);
}

/* Several connections verify at once, in threads that share the store. */
struct shared {
    X509_STORE *store;
    const struct files *files;
};

static void *verify_known(void *argument)
{
    const struct shared *const s = argument;
    X509_STORE *const store = s->store;

    roots_ask_for(s->files);
    return (void *)(intptr_t)verify(store, known.certificate);
}

static void many_threads_may_need_it_at_once(void **state)
{
    enum { THREADS = 8 };
    struct files files;
    X509_STORE *store;
    pthread_t thread[THREADS];
    struct shared shared;

    (void)state;
    store = store_with(authority.file, &files);
    shared = (struct shared){store, &files};
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, verify_known, &shared), 0);
    for (int i = 0; i < THREADS; i++) {
        void *error;

        assert_int_equal(pthread_join(thread[i], &error), 0);
        assert_int_equal((intptr_t)error, X509_V_OK);
    }
    close_store(store, &files);
}

/* ---- the folder ---- */

/* The path of the authority's root in a folder, under its hash. */
static void hashed_name(const char *folder, char *path, size_t size)
{
    snprintf(path, size, "%s/%08lx.0", folder,
             X509_NAME_hash(X509_get_subject_name(authority.root.certificate)));
}

static void a_folder_is_asked_for_a_name_once(void **state)
{
    char folder[] = "/tmp/retrotls-test-roots-XXXXXX", path[64];
    struct settings of_folder = {.level = LEVEL_SECURE, .ca_dir = folder};
    struct files files;
    X509_STORE *store = X509_STORE_new();

    (void)state;
    assert_non_null(mkdtemp(folder));
    hashed_name(folder, path, sizeof path);
    files_of_settings(&files, &of_folder);
    roots_ask_for(&files);
    assert_true(roots_add_folder(store));
    assert_int_equal(verify(store, known.certificate), X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY);
    peer_certificate_to_file(&authority.root, path);
    /* The folder has changed: another context asks again (tls_settings_key()). */
    assert_int_equal(verify(store, known.certificate), X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY);
    X509_STORE_free(store);
    store = X509_STORE_new();
    assert_true(roots_add_folder(store));
    assert_int_equal(verify(store, known.certificate), X509_V_OK);
    unlink(path); /* what was found stays in the store */
    assert_int_equal(verify(store, known.certificate), X509_V_OK);
    close_store(store, &files);
    rmdir(folder);
}

/* Without a connection to verify for, there are no rights to read with. */
static void for_nobody_nothing_is_read(void **state)
{
    struct files files;
    X509_STORE *store;

    (void)state;
    store = store_with(authority.file, &files);
    roots_ask_for(NULL);
    assert_int_equal(verify(store, known.certificate), X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY);
    roots_ask_for(&files);
    assert_int_equal(verify(store, known.certificate), X509_V_OK);
    close_store(store, &files);
}

/* ---- old and missing stores ---- */

/* The message about a certificate whose issuer is not in the store. */
static struct failure told(X509_STORE *store)
{
    struct references wanted = {.count = 1, .item = {{.text = "b.example"}}};
    struct verification v = {.settings = &settings, .references = &wanted, .server = "b.example"};
    X509_STORE_CTX *context = X509_STORE_CTX_new();

    assert_int_equal(X509_STORE_CTX_init(context, store, unknown.certificate, NULL), 1);
    assert_int_equal(verify_chain(context, &v), 0);
    X509_STORE_CTX_free(context);
    return v.why;
}

/* The message about an unknown issuer, with a file of roots that became valid so many days ago. */
static struct failure told_with_roots(const int *days_ago, size_t count)
{
    char path[] = "/tmp/retrotls-test-bundle-XXXXXX";
    struct files files;
    X509_STORE *store;
    struct failure why;

    close(mkstemp(path));
    for (size_t i = 0; i < count; i++) {
        struct identity_of_peer root = peer_certificate(
            &(struct wish){.cn = "A Root", .ca = true, .begin = -days_ago[i], .end = 9000}, NULL);

        peer_certificate_to_file(&root, path);
        peer_certificate_free(&root);
    }
    store = store_with(path, &files);
    why = told(store);
    close_store(store, &files);
    unlink(path);
    return why;
}

static void a_store_is_as_old_as_its_third_youngest_root(void **state)
{
    enum { YEAR = 366 };
    const int all[] = {12 * YEAR, 10 * YEAR, 30 * YEAR, 1, 2, 3};
    const time_t ten_years_ago = time(NULL) - 10L * YEAR * 24 * 60 * 60;
    struct tm tm;
    char years[40];
    struct failure why;

    (void)state;
    assert_non_null(gmtime_r(&ten_years_ago, &tm));
    snprintf(years, sizeof years, "roots are from %d:", tm.tm_year + 1900);
    assert_int_equal(told_with_roots(all, 1).kind, FAILURE_OLD_TRUST_STORE);
    assert_int_equal(told_with_roots(all, 2).kind, FAILURE_OLD_TRUST_STORE);
    why = told_with_roots(all, 5); /* the two young ones may be somebody's own */
    assert_int_equal(why.kind, FAILURE_OLD_TRUST_STORE);
    assert_non_null(strstr(why.text, years));
    assert_int_equal(told_with_roots(all, 6).kind, FAILURE_CERTIFICATE_UNKNOWN_ISSUER);
    assert_int_equal(told_with_roots(all + 3, 1).kind, FAILURE_CERTIFICATE_UNKNOWN_ISSUER);
}

/* Neither a folder nor a file was found. */
static void no_store_at_all_is_told_from_an_old_one(void **state)
{
    const struct files none = {.facts = {.grant = 0}};
    X509_STORE *store = X509_STORE_new();

    (void)state;
    assert_int_equal(told(store).kind, FAILURE_CERTIFICATE_UNKNOWN_ISSUER); /* no connection to verify for */
    roots_ask_for(&none);
    assert_int_equal(told(store).kind, FAILURE_NO_TRUST_STORE);
    roots_ask_for(NULL);
    X509_STORE_free(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_root_of_the_bundle_is_found),
        cmocka_unit_test(it_is_read_once),
        cmocka_unit_test(no_bundle_is_one_without_roots),
        cmocka_unit_test(it_is_read_again_where_it_could_not_be_opened),
        cmocka_unit_test(many_threads_may_need_it_at_once),
        cmocka_unit_test(a_folder_is_asked_for_a_name_once),
        cmocka_unit_test(for_nobody_nothing_is_read),
        cmocka_unit_test(a_store_is_as_old_as_its_third_youngest_root),
        cmocka_unit_test(no_store_at_all_is_told_from_an_old_one),
    };
    return cmocka_run_group_tests(tests, make, destroy);
}
