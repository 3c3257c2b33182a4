/* A chain is as good as each of its certificates: a defect in a middle one makes the server's bad too. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "relay/tls/verify.h"
#include "tests/unit/cmocka_all.h"
#include "tests/unit/tls_peer.h"

static const struct text_list asked = {.count = 1, .item = {"mail.example"}};

/* A handshake at level secure with a server whose certificate `middle` issued, and which shows both. */
static struct peer_seen behind(const struct identity_of_peer *middle, const char *crl_file)
{
    struct identity_of_peer shown = peer_certificate(&(struct wish){.san = "DNS:mail.example"}, middle);
    SSL_CTX *context = peer_context(&shown, middle->certificate);
    struct settings settings = peer_settings(LEVEL_SECURE);
    struct peer_seen seen;

    settings.crl_file = crl_file;
    seen = peer_handshake(context, &settings, &asked, NULL);
    SSL_CTX_free(context);
    peer_certificate_free(&shown);
    return seen;
}

static void a_weak_or_old_certificate_in_the_middle_is_refused(void **state)
{
    static const struct {
        struct wish wish;
        bool good;
        enum failure_kind kind;
    } cases[] = {
        {{.cn = "Good", .ca = true}, true, FAILURE_NONE},
        {{.cn = "Small", .ca = true, .rsa_bits = 1024}, false, FAILURE_CERTIFICATE_INVALID},
        {{.cn = "SHA-1", .ca = true, .sha1 = true}, false, FAILURE_CERTIFICATE_INVALID},
        {{.cn = "Expired", .ca = true, .begin = -9, .end = -2}, false, FAILURE_CERTIFICATE_EXPIRED},
        {{.cn = "Early", .ca = true, .begin = 2, .end = 9}, false, FAILURE_CERTIFICATE_EARLY},
        {{.cn = "No CA"}, false, FAILURE_CERTIFICATE_NO_CA},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct identity_of_peer middle = peer_certificate(&cases[i].wish, &peer_trusted.root);
        const struct peer_seen seen = behind(&middle, NULL);

        if (seen.done != cases[i].good || seen.why.kind != cases[i].kind)
            fail_msg("%s: %s", cases[i].wish.cn, seen.why.text);
        peer_certificate_free(&middle);
    }
}

/* Writes the CRL of `one`, and after it that of `other`, into one file. */
static void two_lists(char file[], const struct identity_of_peer *one, const struct identity_of_peer *other,
                      X509 *revoked)
{
    char text[8192];
    size_t length;
    FILE *stream;

    peer_crl_to_file(one, NULL, file);
    stream = fopen(file, "r");
    assert_non_null(stream);
    length = fread(text, 1, sizeof text, stream);
    fclose(stream);
    peer_crl_to_file(other, revoked, file);
    stream = fopen(file, "a");
    assert_non_null(stream);
    assert_int_equal(fwrite(text, 1, length, stream), length);
    fclose(stream);
}

/* The server's own certificate needs a list. For the others, a list counts if there is one. */
static void a_revoked_certificate_in_the_middle_is_refused(void **state)
{
    struct identity_of_peer middle =
        peer_certificate(&(struct wish){.cn = "Middle", .ca = true}, &peer_trusted.root);
    char file[] = "/tmp/retrotls-crl-XXXXXX";
    struct peer_seen seen;

    (void)state;
    close(mkstemp(file));
    peer_crl_to_file(&middle, NULL, file);
    assert_true(behind(&middle, file).done);
    two_lists(file, &middle, &peer_trusted.root, NULL);
    assert_true(behind(&middle, file).done);
    two_lists(file, &middle, &peer_trusted.root, middle.certificate);
    seen = behind(&middle, file);
    assert_false(seen.done);
    assert_int_equal(seen.why.kind, FAILURE_CERTIFICATE_REVOKED);
    peer_crl_to_file(&peer_trusted.root, NULL, file);
    seen = behind(&middle, file);
    assert_false(seen.done);
    assert_int_equal(seen.why.kind, FAILURE_CERTIFICATE_NO_CRL);
    unlink(file);
    peer_certificate_free(&middle);
}

/* ---- trust anchors ---- */

/* A handshake where the policy trusts only `anchor`, given as a file or in a hashed folder. */
static struct peer_seen trusting(const struct identity_of_peer *anchor, bool folder, SSL_CTX *server,
                                 const char *crl_file)
{
    char place[] = "/tmp/retrotls-anchor-XXXXXX", file[64];
    struct settings settings = {.level = LEVEL_SECURE, .crl_file = crl_file};
    struct peer_seen seen;

    assert_non_null(mkdtemp(place));
    snprintf(file, sizeof file, "%s/%08lx.0", place, X509_subject_name_hash(anchor->certificate));
    peer_certificate_to_file(anchor, file);
    if (folder)
        settings.ca_dir = place;
    else
        settings.ca_file = file;
    seen = peer_handshake(server, &settings, &asked, NULL);
    unlink(file);
    rmdir(place);
    return seen;
}

/*
 * What a policy names is trusted by itself: an intermediate whose root it does not name, or a single server.
 */
static void what_the_policy_names_is_an_anchor(void **state)
{
    struct identity_of_peer root = peer_certificate(&(struct wish){.cn = "Root", .ca = true}, NULL);
    struct identity_of_peer middle = peer_certificate(&(struct wish){.cn = "Middle", .ca = true}, &root);
    struct identity_of_peer beside = peer_certificate(&(struct wish){.cn = "Beside", .ca = true}, &root);
    struct identity_of_peer old =
        peer_certificate(&(struct wish){.cn = "Middle", .ca = true, .begin = -9, .end = -2}, &root);
    struct identity_of_peer leaf =
        peer_certificate(&(struct wish){.cn = "Leaf", .san = "DNS:mail.example"}, &middle);
    struct identity_of_peer other = peer_certificate(&(struct wish){.san = "DNS:other.example"}, &middle);
    struct identity_of_peer below = peer_certificate(&(struct wish){.san = "DNS:mail.example"}, &leaf);
    struct identity_of_peer *all[] = {&root, &middle, &beside, &old, &leaf, &other, &below};
    SSL_CTX *alone = peer_context(&leaf, NULL), *full = peer_context(&leaf, middle.certificate);
    SSL_CTX *elsewhere = peer_context(&other, NULL), *forged = peer_context(&below, leaf.certificate);

    (void)state;
    for (int folder = 0; folder < 2; folder++) {
        assert_true(trusting(&middle, folder, alone, NULL).done);
        assert_true(trusting(&middle, folder, full, NULL).done);
        assert_true(trusting(&root, folder, full, NULL).done);
        assert_true(trusting(&leaf, folder, alone, NULL).done);
        /* It is trusted only for its own names and within its time, and makes no other certificate a CA. */
        assert_int_equal(trusting(&other, folder, elsewhere, NULL).why.kind, FAILURE_CERTIFICATE_OTHER_HOST);
        assert_int_equal(trusting(&old, folder, alone, NULL).why.kind, FAILURE_CERTIFICATE_EXPIRED);
        assert_int_equal(trusting(&beside, folder, full, NULL).why.kind, FAILURE_CERTIFICATE_UNKNOWN_ISSUER);
        assert_int_equal(trusting(&root, folder, alone, NULL).why.kind, FAILURE_CERTIFICATE_UNKNOWN_ISSUER);
        assert_int_equal(trusting(&leaf, folder, forged, NULL).why.kind, FAILURE_CERTIFICATE_NO_CA);
    }
    SSL_CTX_free(alone);
    SSL_CTX_free(full);
    SSL_CTX_free(elsewhere);
    SSL_CTX_free(forged);
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        peer_certificate_free(all[i]);
}

/*
 * If the intermediate is the anchor, its list counts. No list of the root is required, as nobody named the
 * root.
 */
static void an_anchor_needs_no_list_for_itself(void **state)
{
    struct identity_of_peer root = peer_certificate(&(struct wish){.cn = "Root", .ca = true}, NULL);
    struct identity_of_peer middle = peer_certificate(&(struct wish){.cn = "Middle", .ca = true}, &root);
    struct identity_of_peer leaf = peer_certificate(&(struct wish){.san = "DNS:mail.example"}, &middle);
    SSL_CTX *server = peer_context(&leaf, middle.certificate);
    char file[] = "/tmp/retrotls-crl-XXXXXX";

    (void)state;
    close(mkstemp(file));
    peer_crl_to_file(&middle, NULL, file);
    assert_true(trusting(&middle, false, server, file).done);
    two_lists(file, &middle, &root, NULL);
    assert_true(trusting(&middle, false, server, file).done);
    two_lists(file, &middle, &root, middle.certificate);
    assert_int_equal(trusting(&middle, false, server, file).why.kind, FAILURE_CERTIFICATE_REVOKED);
    peer_crl_to_file(&middle, leaf.certificate, file);
    assert_int_equal(trusting(&middle, false, server, file).why.kind, FAILURE_CERTIFICATE_REVOKED);
    unlink(file);
    SSL_CTX_free(server);
    peer_certificate_free(&root);
    peer_certificate_free(&middle);
    peer_certificate_free(&leaf);
}

/* If the root is known too, its constraints and its list still count. */
static void a_chain_to_a_root_comes_first(void **state)
{
    const struct wish narrow = {
        .cn = "Root", .ca = true, .constraints = "critical,excluded;DNS:mail.example"};
    struct identity_of_peer root = peer_certificate(&narrow, NULL);
    struct identity_of_peer middle = peer_certificate(&(struct wish){.cn = "Middle", .ca = true}, &root);
    struct identity_of_peer leaf = peer_certificate(&(struct wish){.san = "DNS:mail.example"}, &middle);
    SSL_CTX *server = peer_context(&leaf, middle.certificate);
    struct settings settings = peer_settings(LEVEL_SECURE);
    char file[] = "/tmp/retrotls-anchor-XXXXXX";

    (void)state;
    close(mkstemp(file));
    peer_certificate_to_file(&middle, file);
    peer_certificate_to_file(&root, file);
    settings.ca_file = file;
    assert_int_equal(peer_handshake(server, &settings, &asked, NULL).why.kind,
                     FAILURE_CERTIFICATE_CONSTRAINT);
    unlink(file);
    SSL_CTX_free(server);
    peer_certificate_free(&root);
    peer_certificate_free(&middle);
    peer_certificate_free(&leaf);
}

/* An anchor is checked as strictly, and for the same purpose, as any other certificate of a chain. */
static void an_anchor_is_checked_as_others_are(void **state)
{
    static const struct {
        struct wish wish;
        enum failure_kind kind;
    } cases[] = {
        {{.cn = "Middle", .ca = true}, FAILURE_NONE},
        {{.cn = "Middle", .ca = true, .begin = -9, .end = -2}, FAILURE_CERTIFICATE_EXPIRED},
        {{.cn = "Middle", .ca = true, .rsa_bits = 1024}, FAILURE_CERTIFICATE_INVALID},
        {{.cn = "Middle", .ca = true, .usage = "clientAuth"}, FAILURE_CERTIFICATE_PURPOSE},
        {{.cn = "Middle", .ca = true, .constraints = "critical,excluded;DNS:mail.example"},
         FAILURE_CERTIFICATE_CONSTRAINT},
        {{.cn = "Middle", .ca = true, .basic = "critical,CA:TRUE,pathlen:0"}, FAILURE_NONE},
        {{.cn = "Middle"}, FAILURE_CERTIFICATE_NO_CA},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct identity_of_peer middle = peer_certificate(&cases[i].wish, &peer_trusted.root);
        struct identity_of_peer leaf = peer_certificate(&(struct wish){.san = "DNS:mail.example"}, &middle);
        SSL_CTX *server = peer_context(&leaf, NULL);
        const struct peer_seen seen = trusting(&middle, false, server, NULL);

        if (seen.done != (cases[i].kind == FAILURE_NONE) || seen.why.kind != cases[i].kind)
            fail_msg("%zu: %s", i, seen.why.text);
        SSL_CTX_free(server);
        peer_certificate_free(&middle);
        peer_certificate_free(&leaf);
    }
}

/* The system's store may hold intermediates. Only its roots are anchors. */
static void the_system_trusts_roots_alone(void **state)
{
    struct identity_of_peer middle =
        peer_certificate(&(struct wish){.cn = "Middle", .ca = true}, &peer_trusted.root);
    struct identity_of_peer leaf = peer_certificate(&(struct wish){.san = "DNS:mail.example"}, &middle);

    (void)state;
    for (int named = 0; named < 2; named++) {
        struct settings settings = {.level = LEVEL_SECURE, .ca_file = named ? "/named" : NULL};
        struct references wanted;
        struct verification v = {.settings = &settings, .references = &wanted, .server = "mail.example"};
        X509_STORE *store = X509_STORE_new();
        X509_STORE_CTX *context = X509_STORE_CTX_new();

        assert_true(references_from(&wanted, &settings, &asked));
        assert_int_equal(X509_STORE_add_cert(store, middle.certificate), 1);
        assert_int_equal(X509_STORE_CTX_init(context, store, leaf.certificate, NULL), 1);
        assert_int_equal(verify_chain(context, &v), named);
        assert_int_equal(v.why.kind, named ? FAILURE_NONE : FAILURE_CERTIFICATE_UNKNOWN_ISSUER);
        X509_STORE_CTX_free(context);
        X509_STORE_free(store);
    }
    peer_certificate_free(&middle);
    peer_certificate_free(&leaf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_weak_or_old_certificate_in_the_middle_is_refused),
        cmocka_unit_test(a_revoked_certificate_in_the_middle_is_refused),
        cmocka_unit_test(what_the_policy_names_is_an_anchor),
        cmocka_unit_test(an_anchor_needs_no_list_for_itself),
        cmocka_unit_test(a_chain_to_a_root_comes_first),
        cmocka_unit_test(an_anchor_is_checked_as_others_are),
        cmocka_unit_test(the_system_trusts_roots_alone),
    };

    return cmocka_run_group_tests(tests, peer_set_up, peer_tear_down);
}
