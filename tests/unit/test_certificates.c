/*
 * Which certificates are accepted for the intended server: a handshake with a real OpenSSL server for each
 * kind, at each level. The letters are those of the list of attacks: G1 chains, G2 and G3 names, G4 weak
 * certificates, G5 and G6 fingerprints, H names asked for, I1 what a certificate says.
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "monitor/files/named_files.h"
#include "monitor/messages.h"
#include "relay/sandbox/monitor_client.h"
#include "relay/tls/certificate.h"
#include "relay/tls/roots.h"
#include "relay/tls/verify.h"
#include "tests/unit/certificate_cases.h"
#include "tests/unit/cmocka_all.h"
#include "tests/unit/tls_peer.h"

static struct peer_authority authority;
static char crl_file[] = "/tmp/retrotls-test-crl-XXXXXX";

static struct identity_of_peer make_authority(const char *cn, const struct identity_of_peer *issuer)
{
    return peer_certificate(&(struct wish){.cn = cn, .ca = true}, issuer);
}

static int make_authorities(void **state)
{
    (void)state;
    signal(SIGPIPE, SIG_IGN);
    peer_authority_open(&authority);
    root = authority.root;
    stranger = make_authority("Unknown Root", NULL);
    small = peer_certificate(&(struct wish){.cn = "Small", .ca = true, .rsa_bits = 1024}, &root);
    middle = make_authority("Test Intermediate", &root);
    leaf_issuer = peer_certificate(&(struct wish){.cn = "No CA", .san = "DNS:x.example"}, &root);
    constrained = peer_certificate(&(struct wish){.cn = "Constrained",
                                                  .ca = true,
                                                  .constraints = "critical,permitted;DNS:inside.example"},
                                   &root);
    close(mkstemp(crl_file));
    peer_crl_to_file(&root, NULL, crl_file);
    return 0;
}

static int remove_authorities(void **state)
{
    struct identity_of_peer *all[] = {&small, &stranger, &middle, &leaf_issuer, &constrained};

    (void)state;
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        peer_certificate_free(all[i]);
    peer_authority_close(&authority);
    unlink(crl_file);
    return 0;
}

static struct settings at_level(enum level level)
{
    return (struct settings){.level = level, .ca_file = authority.file};
}

/* ---- G1, G2, G3: chains and names ---- */

static void certificates_are_taken_as_the_level_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct certificate_case *c = &cases[i];
        struct identity_of_peer shown = peer_certificate(&c->wish, c->issuer);
        SSL_CTX *context = peer_context(&shown, c->shown ? c->shown->certificate : NULL);
        const struct text_list asked = peer_names(c->asked ? c->asked : "mail.example", NULL);
        const bool weak = c->kind == FAILURE_CERTIFICATE_WEAK;
        struct settings settings = at_level(LEVEL_SECURE);
        struct peer_seen seen = peer_handshake(context, &settings, &asked, NULL);

        if (seen.done != (c->kind == FAILURE_NONE) || seen.why.kind != c->kind)
            fail_msg("%s: %s (%s)", c->what, seen.done ? "taken" : "refused", seen.why.text);
        settings.level = LEVEL_ENCRYPT;
        seen = peer_handshake(context, &settings, &asked, NULL);
        if (seen.done == weak)
            fail_msg("%s at encrypt: %s (%s)", c->what, seen.done ? "taken" : "refused", seen.why.text);
        settings.level = LEVEL_MAY;
        assert_int_equal(peer_handshake(context, &settings, &asked, NULL).done, !weak);
        SSL_CTX_free(context);
        peer_certificate_free(&shown);
    }
}

/*
 * A rollout with `testing`: what secure would refuse is reported and goes on. Nothing is kept for the next
 * time.
 */
static void testing_goes_on_and_tells_each_time(void **state)
{
    const struct text_list asked = peer_names("mail.example", NULL);
    struct identity_of_peer shown = peer_certificate(&(struct wish){GOOD}, &stranger);
    SSL_CTX *context = peer_context(&shown, NULL);
    struct settings settings = at_level(LEVEL_SECURE);

    (void)state;
    settings.testing = true;
    for (int i = 0; i < 3; i++) {
        const struct peer_seen seen = peer_handshake(context, &settings, &asked, NULL);

        assert_true(seen.done);
        assert_int_equal(seen.why.kind, FAILURE_CERTIFICATE_UNKNOWN_ISSUER);
        assert_false(seen.resumed);
        assert_string_equal(seen.verified, "");
    }
    SSL_CTX_free(context);
    peer_certificate_free(&shown);
    /* The same if no certificate could match the name, or all of the names. */
    shown = peer_certificate(&(struct wish){GOOD}, &root);
    context = peer_context(&shown, NULL);
    for (int i = 0; i < 2; i++) {
        const struct text_list names = peer_names(i ? "mail.example" : "mail example", i ? "a b" : NULL);
        const struct peer_seen seen = peer_handshake(context, &settings, &names, NULL);

        assert_true(seen.done);
        assert_int_equal(seen.why.kind, FAILURE_NAME_MALFORMED);
    }
    SSL_CTX_free(context);
    peer_certificate_free(&shown);
}

/* If only strict checks refuse a certificate, the message has the line that asked for them. */
static void strict_checks_are_the_policys(void **state)
{
    const struct text_list asked = peer_names("mail.example", NULL);
    struct identity_of_peer shown =
        peer_certificate(&(struct wish){GOOD}, &root); /* no AKI: RFC 5280, 4.2.1.1 */
    SSL_CTX *context = peer_context(&shown, NULL);
    struct settings settings = at_level(LEVEL_SECURE);
    struct peer_seen seen;

    (void)state;
    assert_true(peer_handshake(context, &settings, &asked, NULL).done);
    settings.strict_certificates = true; /* a session that began without strict checks is not resumed */
    seen = peer_handshake(context, &settings, &asked, NULL);
    assert_false(seen.done);
    assert_int_equal(seen.why.kind, FAILURE_CERTIFICATE_NOT_STRICT);
    assert_non_null(strstr(seen.why.text, "'certificate-checks strict'"));
    settings.level = LEVEL_ENCRYPT;
    assert_true(peer_handshake(context, &settings, &asked, NULL).done);
    SSL_CTX_free(context);
    peer_certificate_free(&shown);
}

/* H1: the program asked for two names of one address. The certificate must match both. */
static void each_name_asked_must_match(void **state)
{
    struct identity_of_peer shown = peer_certificate(&(struct wish){.san = "DNS:a.example"}, &root);
    struct identity_of_peer both =
        peer_certificate(&(struct wish){.san = "DNS:b.example,DNS:a.example"}, &root);
    SSL_CTX *context = peer_context(&shown, NULL), *context_both = peer_context(&both, NULL);
    struct settings settings = at_level(LEVEL_SECURE);
    struct text_list asked = peer_names("a.example", "b.example");
    struct peer_seen seen = peer_handshake(context, &settings, &asked, NULL);

    (void)state;
    assert_false(seen.done);
    assert_int_equal(seen.why.kind, FAILURE_CERTIFICATE_OTHER_HOST);
    assert_true(peer_handshake(context_both, &settings, &asked, NULL).done);
    asked = peer_names("A.example", "a.example."); /* the same name twice */
    assert_true(peer_handshake(context, &settings, &asked, NULL).done);
    asked = peer_names("c.example", NULL); /* the message shows every name that could be meant */
    seen = peer_handshake(context_both, &settings, &asked, NULL);
    assert_non_null(strstr(seen.why.text, "is not for c.example but for b.example, a.example"));
    asked = peer_names("a.example", "b.example");
    /* If the policy has names, any of them will do, and the names asked for do not count. */
    settings.names = peer_names("c.example", "a.example");
    seen = peer_handshake(context, &settings, &asked, NULL);
    assert_true(seen.done);
    assert_string_equal(seen.verified, "a.example");
    settings.names = peer_names("c.example", NULL);
    assert_false(peer_handshake(context, &settings, &asked, NULL).done);
    /* If the policy sends the connection to another host, that host is meant. */
    settings.names.count = 0;
    settings.connect_host = "a.example";
    assert_true(peer_handshake(context, &settings, &asked, NULL).done);
    SSL_CTX_free(context);
    SSL_CTX_free(context_both);
    peer_certificate_free(&shown);
    peer_certificate_free(&both);
}

/*
 * H2: there is no name to check against. An address in the certificate does not count: the program asked for
 * no name.
 */
static void no_name_fails_and_says_which_line_to_add(void **state)
{
    const struct text_list none = {.count = 0};
    struct identity_of_peer shown = peer_certificate(&(struct wish){.san = "IP:127.0.0.1"}, &root);
    SSL_CTX *context = peer_context(&shown, NULL);
    const struct settings settings = at_level(LEVEL_SECURE);
    const struct peer_seen seen = peer_handshake(context, &settings, &none, NULL);

    (void)state;
    assert_false(seen.done);
    assert_int_equal(seen.why.kind, FAILURE_NO_NAME);
    assert_non_null(strstr(seen.why.text, "match address 127.0.0.1"));
    assert_non_null(strstr(seen.why.text, "name NAME"));
    SSL_CTX_free(context);
    peer_certificate_free(&shown);
}

/*
 * G1: the configured list says what is revoked. If it does not cover the issuer, the certificate is refused.
 */
static void revocation_is_as_the_list_says(void **state)
{
    const struct text_list asked = peer_names("mail.example", NULL);
    struct identity_of_peer shown = peer_certificate(&(struct wish){GOOD}, &root);
    struct identity_of_peer other = peer_certificate(&(struct wish){GOOD}, &middle);
    SSL_CTX *context = peer_context(&shown, NULL), *unlisted = peer_context(&other, middle.certificate);
    struct settings settings = at_level(LEVEL_SECURE);

    (void)state;
    settings.crl_file = crl_file;
    assert_true(peer_handshake(context, &settings, &asked, NULL).done);
    assert_int_equal(peer_handshake(unlisted, &settings, &asked, NULL).why.kind, FAILURE_CERTIFICATE_NO_CRL);
    unlink(crl_file); /* replaced while the relay runs */
    peer_crl_to_file(&root, shown.certificate, crl_file);
    assert_int_equal(peer_handshake(context, &settings, &asked, NULL).why.kind, FAILURE_CERTIFICATE_REVOKED);
    SSL_CTX_free(context);
    SSL_CTX_free(unlisted);
    peer_certificate_free(&shown);
    peer_certificate_free(&other);
}

static void fingerprint_of(X509 *certificate, bool of_key, bool colons, char *out)
{
    unsigned char digest[32];

    assert_true(certificate_digest(certificate, of_key, digest));
    out += sprintf(out, "%s", of_key ? "spki-sha256:" : "sha256:");
    for (int i = 0; i < 32; i++)
        out += sprintf(out, colons ? "%s%02X" : "%s%02x", colons && i ? ":" : "", digest[i]);
}

/*
 * G5, G6: a listed certificate is accepted, even self-signed. Any other is refused, even with a valid chain.
 */
static void fingerprints_decide_alone(void **state)
{
    const struct text_list asked = peer_names("mail.example", NULL);
    struct identity_of_peer pinned = peer_certificate(&(struct wish){GOOD, .begin = -9, .end = -2}, NULL);
    struct identity_of_peer other = peer_certificate(&(struct wish){GOOD}, &root);
    SSL_CTX *context = peer_context(&pinned, NULL), *chain = peer_context(&other, NULL);
    struct settings settings = {.level = LEVEL_FINGERPRINT};
    char list[4][128];

    (void)state;
    for (int i = 0; i < 4; i++) {
        struct peer_seen seen;

        fingerprint_of(pinned.certificate, i & 1, i & 2, list[i]);
        settings.fingerprints = peer_names("sha256:00", list[i]);
        seen = peer_handshake(context, &settings, &asked, NULL);
        assert_true(seen.done);
        assert_string_equal(seen.verified, list[i]);
        seen = peer_handshake(chain, &settings, &asked, NULL);
        assert_false(seen.done);
        assert_int_equal(seen.why.kind, FAILURE_CERTIFICATE_NOT_LISTED);
    }
    settings.fingerprints.count = 0;
    assert_false(peer_handshake(context, &settings, &asked, NULL).done);
    list[0][strlen(list[0]) - 1] = '\0';
    settings.fingerprints = peer_names(list[0], NULL);
    assert_false(peer_handshake(context, &settings, &asked, NULL).done);
    SSL_CTX_free(context);
    SSL_CTX_free(chain);
    peer_certificate_free(&pinned);
    peer_certificate_free(&other);
}

/* A session may be resumed for hours. Its certificate is checked again each time. */
static void a_session_does_not_outlive_its_certificate(void **state)
{
    static struct references wanted;
    const struct text_list asked = peer_names("mail.example", NULL);
    struct identity_of_peer good = peer_certificate(&(struct wish){GOOD}, &root);
    struct identity_of_peer old = peer_certificate(&(struct wish){GOOD, .begin = -9, .end = -2}, &root);
    struct settings settings = at_level(LEVEL_SECURE);
    struct verification v = {.settings = &settings, .references = &wanted, .server = "mail.example"};

    (void)state;
    assert_true(references_from(&wanted, &settings, &asked));
    assert_true(verify_resumed(good.certificate, &v));
    assert_string_equal(v.verified, "mail.example");
    assert_false(verify_resumed(old.certificate, &v));
    assert_int_equal(v.why.kind, FAILURE_CERTIFICATE_EXPIRED);
    settings.testing = true;
    assert_true(verify_resumed(old.certificate, &v));
    settings = at_level(LEVEL_ENCRYPT);
    assert_true(verify_resumed(old.certificate, &v));
    peer_certificate_free(&good);
    peer_certificate_free(&old);
}

/* I1: a certificate's text cannot forge a line, and is cut. */
static void a_certificate_cannot_forge_a_line(void **state)
{
    static char long_name[10001];
    const char evil[] = "x\r\n* OK [PREAUTH] \"\\\x1b[31m\xc3\xa9.example";
    const struct text_list asked = peer_names("mail.example", NULL);
    const struct settings settings = at_level(LEVEL_SECURE);

    (void)state;
    memset(long_name, 'a', sizeof long_name - 1);
    for (int i = 0; i < 2; i++) {
        const char *name = i == 0 ? evil : long_name;
        struct identity_of_peer shown = peer_certificate(
            &(struct wish){.cn = i == 0 ? evil : "x", .raw_dns = name, .raw_length = strlen(name)}, NULL);
        SSL_CTX *context = peer_context(&shown, NULL);
        const struct peer_seen seen = peer_handshake(context, &settings, &asked, NULL);

        assert_false(seen.done);
        assert_true(strlen(seen.why.text) < FAILURE_LIMIT);
        for (const char *c = seen.why.text; *c; c++)
            assert_true(*c >= 0x20 && *c <= 0x7e && *c != '"' && *c != '\\');
        assert_non_null(strstr(seen.why.text, i == 0 ? "x??* OK [PREAUTH] ???[31m??.example" : "aaaaaaaa"));
        SSL_CTX_free(context);
        peer_certificate_free(&shown);
    }
}

/* ---- an authority whose file does not open in time ---- */

static void *monitor_whose_files_hang(void *dialogue)
{
    const struct monitor_answer_head answer = {.error = MONITOR_HANGS};
    char question[256];

    while (recv(*(int *)dialogue, question, sizeof question, 0) > 0)
        assert_int_equal(send(*(int *)dialogue, &answer, sizeof answer, MSG_NOSIGNAL), sizeof answer);
    return NULL;
}

/* From here on this process has a monitor that opens nothing. */
static void who_waits_for_an_authority_in_vain_is_told(void **state)
{
    struct identity_of_peer shown = peer_certificate(&(struct wish){.san = "DNS:mail.example"}, &root);
    struct settings settings = {.level = LEVEL_SECURE};
    const struct text_list asked = peer_names("mail.example", NULL);
    const struct files files = {.facts = {.grant = 1}};
    struct references wanted;
    struct verification v = {.settings = &settings, .references = &wanted, .server = "mail.example"};
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *context = X509_STORE_CTX_new();
    int pair[2];
    pthread_t monitor;

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
    assert_int_equal(pthread_create(&monitor, NULL, monitor_whose_files_hang, &pair[1]), 0);
    monitor_use(pair[0]);
    assert_true(references_from(&wanted, &settings, &asked));
    assert_true(roots_add_folder(store));
    roots_ask_for(&files);
    assert_int_equal(X509_STORE_CTX_init(context, store, shown.certificate, NULL), 1);
    assert_int_equal(verify_chain(context, &v), 0);
    assert_int_equal(v.why.kind, FAILURE_CERTIFICATE_ROOTS_HANG);
    peer_saw(&v.why);
    roots_ask_for(NULL);
    shutdown(pair[0], SHUT_RDWR);
    pthread_join(monitor, NULL);
    X509_STORE_CTX_free(context);
    X509_STORE_free(store);
    peer_certificate_free(&shown);
    close(pair[0]);
    close(pair[1]);
}

/* A text that nothing can reach helps nobody: each text about certificates must have been seen by now. */
static void every_text_was_seen(void **state)
{
#define KIND(kind, text) kind,
    static const enum failure_kind wanted[] = {FAILURES_OF_CERTIFICATES(KIND)};
#undef KIND

    (void)state;
    peer_must_have_seen(wanted, sizeof wanted / sizeof wanted[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(certificates_are_taken_as_the_level_says),
        cmocka_unit_test(testing_goes_on_and_tells_each_time),
        cmocka_unit_test(strict_checks_are_the_policys),
        cmocka_unit_test(each_name_asked_must_match),
        cmocka_unit_test(no_name_fails_and_says_which_line_to_add),
        cmocka_unit_test(revocation_is_as_the_list_says),
        cmocka_unit_test(fingerprints_decide_alone),
        cmocka_unit_test(a_session_does_not_outlive_its_certificate),
        cmocka_unit_test(a_certificate_cannot_forge_a_line),
        cmocka_unit_test(who_waits_for_an_authority_in_vain_is_told),
        cmocka_unit_test(every_text_was_seen),
    };

    return cmocka_run_group_tests(tests, make_authorities, remove_authorities);
}
