/*
 * Revocation lists of every kind, good and bad (RFC 5280, 5 and 6.3), as x509-limbo's categories have them,
 * each in a real handshake. A list that cannot be trusted, or does not cover the certificate, counts as
 * missing: the server is refused.
 */
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <unistd.h>

#include "tests/unit/cmocka_all.h"
#include "tests/unit/tls_peer.h"

enum { DAY = 24 * 3600 };
enum whose { THE_ISSUERS, A_STRANGERS };
enum listed { NOTHING, THE_SERVER, ANOTHER };
enum covers { EVERYTHING, USERS, AUTHORITIES, ATTRIBUTES, INDIRECT };

struct list {
    const char *is;
    bool accepted;
    int begin, end; /* days from now; both 0: from yesterday until tomorrow */
    enum listed lists;
    enum whose key, name;
    enum covers covers;    /* the issuing distribution point; EVERYTHING: none */
    const char *extension; /* an unknown one */
    bool number, critical_number, delta, endless;
    bool then_delta; /* a later list follows in the file, of what has changed since: nothing */
};

static const struct list lists[] = {
    {.is = "empty", .accepted = true},
    {.is = "one that revokes the server", .lists = THE_SERVER},
    {.is = "one that revokes another", .lists = ANOTHER, .accepted = true},
    {.is = "expired", .begin = -3, .end = -1},
    {.is = "not yet valid", .begin = 1, .end = 3},
    {.is = "expired, and revokes the server", .begin = -3, .end = -1, .lists = THE_SERVER},
    {.is = "without an end", .endless = true, .accepted = true},
    {.is = "signed with another key", .key = A_STRANGERS},
    {.is = "signed with another key, and revokes the server", .key = A_STRANGERS, .lists = THE_SERVER},
    {.is = "another issuer's", .key = A_STRANGERS, .name = A_STRANGERS},
    {.is = "in another issuer's name", .name = A_STRANGERS},
    {.is = "with an unknown critical extension", .extension = "critical,ASN1:UTF8String:x"},
    {.is = "with an unknown extension", .extension = "ASN1:UTF8String:x", .accepted = true},
    {.is = "numbered", .number = true, .accepted = true},
    {.is = "critically numbered", .number = true, .critical_number = true},
    {.is = "for servers' certificates", .covers = USERS, .accepted = true},
    {.is = "for servers' certificates, and revokes this", .covers = USERS, .lists = THE_SERVER},
    {.is = "for authorities alone", .covers = AUTHORITIES},
    {.is = "for attributes alone", .covers = ATTRIBUTES},
    {.is = "indirect", .covers = INDIRECT},
    {.is = "only what has changed", .number = true, .delta = true},
    {.is = "empty, with what has changed", .number = true, .then_delta = true, .accepted = true},
    {.is = "one that revokes the server, with what has changed",
     .number = true,
     .lists = THE_SERVER,
     .then_delta = true},
};

static struct identity_of_peer stranger;

static int make_stranger(void **state)
{
    const int result = peer_set_up(state);

    stranger = peer_certificate(&(struct wish){.cn = "Stranger", .ca = true}, NULL);
    return result;
}

static int remove_stranger(void **state)
{
    peer_certificate_free(&stranger);
    return peer_tear_down(state);
}

static void add_number(X509_CRL *crl, int nid, int critical)
{
    ASN1_INTEGER *number = ASN1_INTEGER_new();

    ASN1_INTEGER_set(number, 7);
    assert_int_equal(X509_CRL_add1_ext_i2d(crl, nid, number, critical, 0), 1);
    ASN1_INTEGER_free(number);
}

static void add_coverage(X509_CRL *crl, enum covers covers)
{
    ISSUING_DIST_POINT *point = ISSUING_DIST_POINT_new();

    point->onlyuser = covers == USERS ? 0xff : 0;
    point->onlyCA = covers == AUTHORITIES ? 0xff : 0;
    point->onlyattr = covers == ATTRIBUTES ? 0xff : 0;
    point->indirectCRL = covers == INDIRECT ? 0xff : 0;
    assert_int_equal(X509_CRL_add1_ext_i2d(crl, NID_issuing_distribution_point, point, 1, 0), 1);
    ISSUING_DIST_POINT_free(point);
}

static void add_unknown(X509_CRL *crl, const char *value)
{
    X509_EXTENSION *extension = X509V3_EXT_nconf(NULL, NULL, "1.3.6.1.4.1.99999.1", value);

    assert_non_null(extension);
    assert_int_equal(X509_CRL_add_ext(crl, extension, -1), 1);
    X509_EXTENSION_free(extension);
}

static void add_revoked(X509_CRL *crl, const X509 *certificate, const ASN1_TIME *when)
{
    X509_REVOKED *entry = X509_REVOKED_new();

    X509_REVOKED_set_serialNumber(entry, (ASN1_INTEGER *)(uintptr_t)X509_get0_serialNumber(certificate));
    X509_REVOKED_set_revocationDate(entry, (ASN1_TIME *)(uintptr_t)when);
    X509_CRL_add0_revoked(crl, entry);
}

static void write_list(const struct list *list, const char *path)
{
    const struct identity_of_peer *const root = &peer_trusted.root;
    const bool usual = list->begin == 0 && list->end == 0;
    ASN1_TIME *begin = X509_gmtime_adj(NULL, (usual ? -1 : list->begin) * DAY);
    ASN1_TIME *end = X509_gmtime_adj(NULL, (usual ? 1 : list->end) * DAY);
    X509_CRL *crl = X509_CRL_new();
    FILE *file = fopen(path, "a");

    assert_non_null(file);
    X509_CRL_set_version(crl, X509_CRL_VERSION_2);
    X509_CRL_set_issuer_name(
        crl, X509_get_subject_name((list->name == A_STRANGERS ? &stranger : root)->certificate));
    X509_CRL_set1_lastUpdate(crl, begin);
    if (!list->endless)
        X509_CRL_set1_nextUpdate(crl, end);
    if (list->lists != NOTHING)
        add_revoked(crl, (list->lists == THE_SERVER ? &peer_shown : &stranger)->certificate, begin);
    if (list->number)
        add_number(crl, NID_crl_number, list->critical_number);
    if (list->delta)
        add_number(crl, NID_delta_crl, 1);
    if (list->covers != EVERYTHING)
        add_coverage(crl, list->covers);
    if (list->extension)
        add_unknown(crl, list->extension);
    assert_true(X509_CRL_sign(crl, (list->key == A_STRANGERS ? &stranger : root)->key, EVP_sha256()) > 0);
    PEM_write_X509_CRL(file, crl);
    fclose(file);
    X509_CRL_free(crl);
    ASN1_TIME_free(begin);
    ASN1_TIME_free(end);
}

static void lists_of_every_kind(void **state)
{
    const struct text_list asked = peer_names("mail.example", NULL);
    SSL_CTX *context = peer_context(&peer_shown, NULL);
    struct settings settings = peer_settings(LEVEL_SECURE);
    char path[] = "/tmp/retrotls-test-crl-XXXXXX";
    unsigned wrong = 0;

    (void)state;
    close(mkstemp(path));
    settings.crl_file = path;
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        struct peer_seen seen;

        unlink(path); /* another file, so that the relay reads it anew */
        write_list(&lists[i], path);
        if (lists[i].then_delta)
            write_list(&(struct list){.begin = 0, .end = 2, .number = true, .delta = true}, path);
        seen = peer_handshake(context, &settings, &asked, NULL);
        if (seen.done != lists[i].accepted) {
            print_error("a list that is %s: %s\n", lists[i].is, seen.done ? "accepted" : seen.why.text);
            wrong++;
        }
    }
    assert_int_equal(wrong, 0);
    unlink(path);
    SSL_CTX_free(context);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_of_every_kind),
    };

    return cmocka_run_group_tests(tests, make_stranger, remove_stranger);
}
