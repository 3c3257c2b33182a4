/* The system's bundle of roots is read when a root is needed that is nowhere else, and once. */
#include <openssl/x509_vfy.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "relay/bundle.h"
#include "tests/unit/cmocka_all.h"
#include "tests/unit/tls_peer.h"

static struct peer_authority authority;
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
    X509_STORE *store = X509_STORE_new();

    (void)state;
    assert_true(bundle_add(store, authority.file));
    assert_int_equal(sk_X509_OBJECT_num(X509_STORE_get0_objects(store)), 0); /* not read yet */
    assert_int_equal(verify(store, known.certificate), X509_V_OK);
    assert_int_equal(verify(store, unknown.certificate), X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY);
    X509_STORE_free(store);
}

static void it_is_read_once(void **state)
{
    char path[] = "/tmp/retrotls-test-bundle-XXXXXX";
    X509_STORE *store = X509_STORE_new();

    (void)state;
    close(mkstemp(path));
    assert_true(bundle_add(store, path));
    assert_int_not_equal(verify(store, known.certificate), X509_V_OK); /* empty */
    peer_certificate_to_file(&authority.root, path);
    assert_int_not_equal(verify(store, known.certificate), X509_V_OK);
    X509_STORE_free(store);
    unlink(path);
}

static void no_bundle_is_one_without_roots(void **state)
{
    X509_STORE *store = X509_STORE_new();

    (void)state;
    assert_true(bundle_add(store, "/nonexistent/bundle.pem"));
    assert_int_equal(verify(store, known.certificate), X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY);
    X509_STORE_free(store);
}

/* As many descriptors are open as may be, at the moment at which the first connection needs a root. */
static void it_is_read_again_where_it_could_not_be_opened(void **state)
{
    X509_STORE *store = X509_STORE_new();
    struct rlimit limit, none;

    (void)state;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    none = (struct rlimit){.rlim_cur = 0, .rlim_max = limit.rlim_max};
    assert_true(bundle_add(store, authority.file));
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    assert_int_equal(verify(store, known.certificate), X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_int_equal(verify(store, known.certificate), X509_V_OK);
    X509_STORE_free(store);
}

/* Connections verify at once, in threads that share the store. */
static void *verify_known(void *store)
{
    return (void *)(intptr_t)verify(store, known.certificate);
}

static void many_threads_may_need_it_at_once(void **state)
{
    enum { THREADS = 8 };
    X509_STORE *store = X509_STORE_new();
    pthread_t thread[THREADS];

    (void)state;
    assert_true(bundle_add(store, authority.file));
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, verify_known, store), 0);
    for (int i = 0; i < THREADS; i++) {
        void *error;

        assert_int_equal(pthread_join(thread[i], &error), 0);
        assert_int_equal((intptr_t)error, X509_V_OK);
    }
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
    };
    return cmocka_run_group_tests(tests, make, destroy);
}
