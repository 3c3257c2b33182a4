/*
 * What is spoken with the server, whatever its certificate: G4 weak cryptography, F3 other things in place of
 * a handshake.
 */
#include <fcntl.h>
#include <openssl/core_names.h>
#include <openssl/params.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "relay/protocol/plain.h"
#include "relay/tls/certificate.h"
#include "tests/unit/cmocka_all.h"
#include "tests/unit/tls_peer.h"

#define GOOD .san = "DNS:mail.example"

static const struct text_list asked = {.count = 1, .item = {"mail.example"}};

/* ---- G4: what the server speaks ---- */

static void weak_servers_fail_at_every_level(void **state)
{
    static const struct {
        const char *what, *ciphers;
        int low, high;
    } weak[] = {
        {"TLS 1.0", "DEFAULT:@SECLEVEL=0", TLS1_VERSION, TLS1_VERSION},
        {"TLS 1.1", "DEFAULT:@SECLEVEL=0", TLS1_1_VERSION, TLS1_1_VERSION},
        {"anonymous", "aNULL:@SECLEVEL=0", TLS1_2_VERSION, TLS1_2_VERSION},
        {"no encryption", "eNULL:@SECLEVEL=0", TLS1_2_VERSION, TLS1_2_VERSION},
    };

    (void)state;
    for (size_t i = 0; i < sizeof weak / sizeof weak[0]; i++) {
        for (int level = LEVEL_MAY; level <= LEVEL_SECURE; level++) {
            SSL_CTX *context = peer_context(&peer_shown, NULL);
            const struct settings settings = peer_settings((enum level)level);

            SSL_CTX_set_min_proto_version(context, weak[i].low);
            SSL_CTX_set_max_proto_version(context, weak[i].high);
            assert_int_equal(SSL_CTX_set_cipher_list(context, weak[i].ciphers), 1);
            if (peer_handshake(context, &settings, &asked, NULL).done)
                fail_msg("%s at %s", weak[i].what, level_name((enum level)level));
            SSL_CTX_free(context);
        }
    }
}

/* A server with a good certificate, but Diffie-Hellman over 1024 bits. */
static void a_small_group_fails_at_every_level(void **state)
{
    struct identity_of_peer rsa =
        peer_certificate(&(struct wish){GOOD, .rsa_bits = 2048}, &peer_trusted.root);
    SSL_CTX *context = peer_context(&rsa, NULL);
    EVP_PKEY_CTX *maker = EVP_PKEY_CTX_new_from_name(NULL, "DHX", NULL);
    EVP_PKEY *group = NULL;
    OSSL_PARAM named[] = {OSSL_PARAM_construct_utf8_string("group", (char[]){"dh_1024_160"}, 0),
                          OSSL_PARAM_construct_end()};

    (void)state;
    assert_int_equal(EVP_PKEY_paramgen_init(maker), 1);
    assert_int_equal(EVP_PKEY_CTX_set_params(maker, named), 1);
    assert_int_equal(EVP_PKEY_generate(maker, &group), 1);
    SSL_CTX_set_max_proto_version(context, TLS1_2_VERSION);
    assert_int_equal(SSL_CTX_set0_tmp_dh_pkey(context, group), 1);
    assert_int_equal(SSL_CTX_set_cipher_list(context, "DHE-RSA-AES128-GCM-SHA256:@SECLEVEL=0"), 1);
    for (int level = LEVEL_MAY; level <= LEVEL_SECURE; level++) {
        const struct settings settings = peer_settings((enum level)level);
        const struct peer_seen seen = peer_handshake(context, &settings, &asked, NULL);

        assert_false(seen.done);
        assert_int_equal(seen.why.kind, FAILURE_TLS_WEAK);
    }
    EVP_PKEY_CTX_free(maker);
    SSL_CTX_free(context);
    peer_certificate_free(&rsa);
}

/* A policy's ciphers cannot bring back what we never speak. */
static void no_setting_lowers_the_floor(void **state)
{
    struct identity_of_peer weak =
        peer_certificate(&(struct wish){GOOD, .rsa_bits = 1024}, &peer_trusted.root);
    SSL_CTX *anonymous = peer_context(&peer_shown, NULL), *small = peer_context(&weak, NULL);
    struct settings settings = peer_settings(LEVEL_ENCRYPT);

    (void)state;
    SSL_CTX_set_max_proto_version(anonymous, TLS1_2_VERSION);
    SSL_CTX_set_cipher_list(anonymous, "ADH:@SECLEVEL=0");
    settings.ciphers = "ALL:aNULL:eNULL:@SECLEVEL=0";
    assert_false(peer_handshake(anonymous, &settings, &asked, NULL).done);
    assert_false(peer_handshake(small, &settings, &asked, NULL).done);
    settings.tls_min = TLS1_VERSION;
    settings.tls_max = TLS1_1_VERSION;
    assert_int_equal(peer_handshake(small, &settings, &asked, NULL).why.kind, FAILURE_TLS_SETTING);
    SSL_CTX_free(anonymous);
    SSL_CTX_free(small);
    peer_certificate_free(&weak);
}

/*
 * RFC 9325, 4.1 and 4.2: at the levels that check the server, a key stolen later must not help to read a
 * recorded session, and no cipher may have the history of CBC.
 */
static void only_forward_secrecy_and_aead_where_the_server_is_checked(void **state)
{
    static const struct {
        const char *cipher;
        bool modern;
    } cases[] = {
        {"AES256-SHA", false},
        {"AES256-GCM-SHA384", false},
        {"ECDHE-RSA-AES256-SHA384", false},
        {"DHE-RSA-AES256-SHA256", false},
        {"ECDHE-RSA-AES128-GCM-SHA256", true},
        {"ECDHE-RSA-CHACHA20-POLY1305", true},
        {"DHE-RSA-AES256-GCM-SHA384", true},
    };
    struct identity_of_peer rsa =
        peer_certificate(&(struct wish){GOOD, .rsa_bits = 2048}, &peer_trusted.root);
    unsigned char digest[32];
    char pin[80] = "sha256:";

    (void)state;
    assert_true(certificate_digest(rsa.certificate, false, digest));
    for (size_t i = 0; i < sizeof digest; i++)
        snprintf(pin + 7 + 2 * i, 3, "%02x", digest[i]);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (int level = LEVEL_MAY; level <= LEVEL_FINGERPRINT; level++) {
            SSL_CTX *context = peer_context(&rsa, NULL);
            struct settings settings = peer_settings((enum level)level);
            const bool taken = cases[i].modern || level < LEVEL_SECURE;
            struct peer_seen seen;

            settings.fingerprints = peer_names(pin, NULL);
            SSL_CTX_set_max_proto_version(context, TLS1_2_VERSION);
            SSL_CTX_set_dh_auto(context, 1);
            assert_int_equal(SSL_CTX_set_cipher_list(context, cases[i].cipher), 1);
            seen = peer_handshake(context, &settings, &asked, NULL);
            if (seen.done != taken || seen.why.kind != (taken ? FAILURE_NONE : FAILURE_TLS_NO_MODERN_CIPHER))
                fail_msg("%s at %s: %s", cases[i].cipher, level_name((enum level)level), seen.why.text);
            if (!taken)
                assert_non_null(strstr(seen.why.text, "'ciphers DEFAULT'"));
            /*
             * The line that the message suggests makes it work. If the policy sets its own groups, there is
             * no suggestion.
             */
            settings.ciphers = "DEFAULT";
            assert_true(peer_handshake(context, &settings, &asked, NULL).done);
            settings.ciphers = NULL;
            settings.groups = "X25519";
            assert_int_equal(peer_handshake(context, &settings, &asked, NULL).why.kind,
                             taken ? FAILURE_NONE : FAILURE_TLS_NO_CIPHER);
            SSL_CTX_free(context);
        }
    }
    peer_certificate_free(&rsa);
}

/* ---- F3: no handshake ---- */

static void what_is_no_handshake_is_named(void **state)
{
    static const struct {
        const char *bytes;
        size_t length;
        enum failure_kind kind;
    } answers[] = {
        {"", 0, FAILURE_TLS_CLOSED},
        {"* OK [CAPABILITY IMAP4rev1] go on in plaintext\r\n", 48, FAILURE_TLS_NOT_TLS},
        {"\x15\x03\x03\x00\x02\x02\x28", 7, FAILURE_TLS_NO_CIPHER},
        {"\x15\x03\x03\x00\x02\x02\x50", 7, FAILURE_TLS_ALERT},
        {"\x15\x03\x03\x00\x02\x02\x46", 7, FAILURE_TLS_VERSION},
        {"SSH-2.0-OpenSSH_9\r\n", 19, FAILURE_TLS_NOT_TLS},
        {"\x16\x03\x03\x00\x04\x01\x02\x03\x04", 9, FAILURE_TLS_OTHER},
        /* A TLS 1.2 ServerHello without extensions, so without secure renegotiation. */
        {"\x16\x03\x03\x00\x2a\x02\x00\x00\x26\x03\x03"
         "0123456789abcdef0123456789abcdef\x00\xc0\x2f\x00",
         47, FAILURE_TLS_RENEGOTIATION},
    };
    const struct wire_address address = {.family = AF_INET, .port = 143};
    const struct settings settings = peer_settings(LEVEL_MAY);
    const struct tls_peer peer = {
        .settings = &settings, .asked = &asked, .address = &address, .server = "mail.example"};

    (void)state;
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        struct transport transport;
        struct plain dialogue = {.transport = &transport,
                                 .program = -1,
                                 .deadline = plain_now() + 20000,
                                 .server = "mail.example"};
        struct failure why = {0};
        struct tls tls;
        int pair[2];

        peer_tcp_pair(pair);
        transport_over_socket(&transport, pair[0]);
        assert_int_equal(send(pair[1], answers[i].bytes, answers[i].length, 0), answers[i].length);
        shutdown(pair[1], SHUT_WR);
        assert_true(tls_open(&tls, pair[0], &peer, &why));
        assert_false(tls_handshake(&tls, &dialogue, &why));
        if (why.kind != answers[i].kind)
            fail_msg("%zu: %s", i, why.text);
        peer_saw(&why);
        tls_close(&tls);
        close(pair[0]);
        close(pair[1]);
    }
}

static void a_reset_is_named(void **state)
{
    const struct linger abort = {.l_onoff = 1};
    const struct wire_address address = {.family = AF_INET, .port = 143};
    const struct settings settings = peer_settings(LEVEL_MAY);
    const struct tls_peer peer = {
        .settings = &settings, .asked = &asked, .address = &address, .server = "mail.example"};
    struct transport transport;
    struct plain dialogue = {
        .transport = &transport, .program = -1, .deadline = plain_now() + 20000, .server = "mail.example"};
    struct failure why = {0};
    struct tls tls;
    int pair[2];

    (void)state;
    peer_tcp_pair(pair);
    transport_over_socket(&transport, pair[0]);
    setsockopt(pair[1], SOL_SOCKET, SO_LINGER, &abort, sizeof abort);
    close(pair[1]);
    assert_true(tls_open(&tls, pair[0], &peer, &why));
    assert_false(tls_handshake(&tls, &dialogue, &why));
    assert_int_equal(why.kind, FAILURE_TLS_LOST);
    peer_saw(&why);
    tls_close(&tls);
    close(pair[0]);
}

static void a_silent_server_is_given_up_in_time(void **state)
{
    const struct wire_address address = {.family = AF_INET, .port = 143};
    const struct settings settings = peer_settings(LEVEL_MAY);
    const struct tls_peer peer = {
        .settings = &settings, .asked = &asked, .address = &address, .server = "mail.example"};
    struct transport transport;
    struct plain dialogue = {
        .transport = &transport, .program = -1, .deadline = plain_now() + 50, .server = "mail.example"};
    struct failure why = {0};
    struct tls tls;
    int pair[2], program[2];

    (void)state;
    peer_tcp_pair(pair);
    transport_over_socket(&transport, pair[0]);
    assert_true(tls_open(&tls, pair[0], &peer, &why));
    assert_false(tls_handshake(&tls, &dialogue, &why));
    assert_int_equal(why.kind, FAILURE_TLS_TIMEOUT);
    peer_saw(&why);
    tls_close(&tls);
    /* It also ends at once if the program has gone. */
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, program), 0);
    close(program[0]);
    dialogue.program = program[1];
    dialogue.deadline = plain_now() + 3600000;
    why = (struct failure){0};
    assert_true(tls_open(&tls, pair[0], &peer, &why));
    assert_false(tls_handshake(&tls, &dialogue, &why));
    assert_int_equal(why.kind, FAILURE_PROGRAM_GONE);
    tls_close(&tls);
    close(program[1]);
    close(pair[0]);
    close(pair[1]);
}

/* ---- memory ---- */

static _Thread_local long left = -1; /* how many more allocations of this thread succeed; -1: all */
static _Thread_local bool once, failed;

static bool may_allocate(void)
{
    if (left != 0) {
        left -= left > 0;
        return true;
    }
    failed = true;
    if (once)
        left = -1;
    return false;
}

static void *allocate(size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    return may_allocate() ? malloc(size) : NULL;
}

static void *reallocate(void *old, size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    if (size == 0) {
        free(old);
        return NULL;
    }
    return may_allocate() ? realloc(old, size) : NULL;
}

static void release(void *old, const char *file, int line)
{
    (void)file;
    (void)line;
    free(old);
}

/*
 * Makes each of OpenSSL's allocations fail in turn, alone or with all that follow. `good`: whether the
 * handshake succeeds without failures.
 */
static void fail_each_allocation(SSL_CTX *context, bool alone, bool good)
{
    const struct settings settings = peer_settings(LEVEL_SECURE);
    long n = 0;

    assert_int_equal(peer_handshake(context, &settings, &asked, NULL).done,
                     good); /* so that OpenSSL makes its global data first */
    do {
        const struct timespec times[2] = {{.tv_sec = n}, {.tv_sec = n}};
        struct peer_seen seen;

        utimensat(AT_FDCWD, peer_trusted.file, times, 0); /* changed: a new context and trust store */
        failed = false;
        once = alone;
        left = n;
        seen = peer_handshake(context, &settings, &asked, NULL);
        left = -1;
        assert_true(seen.done ? good : seen.why.kind != FAILURE_NONE);
        assert_true(failed || seen.done == good);
        n += n < 200 ? 1 : 7;
    } while (failed);
    assert_true(n > 200);
}

/*
 * Without memory, the connection fails with a message, or goes on. No other server is taken for the intended
 * one.
 */
static void no_memory_is_a_failure_like_any_other(void **state)
{
    struct identity_of_peer other =
        peer_certificate(&(struct wish){.san = "DNS:other.example"}, &peer_trusted.root);
    SSL_CTX *right = peer_context(&peer_shown, NULL), *wrong = peer_context(&other, NULL);

    (void)state;
    for (int alone = 0; alone < 2; alone++) {
        fail_each_allocation(right, alone, true);
        fail_each_allocation(wrong, alone, false);
    }
    SSL_CTX_free(right);
    SSL_CTX_free(wrong);
    peer_certificate_free(&other);
}

static void every_text_was_seen(void **state)
{
#define KIND(kind, text) kind,
    static const enum failure_kind wanted[] = {FAILURES_OF_TLS(KIND)};
#undef KIND

    (void)state;
    peer_must_have_seen(wanted, sizeof wanted / sizeof wanted[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(weak_servers_fail_at_every_level),
        cmocka_unit_test(a_small_group_fails_at_every_level),
        cmocka_unit_test(no_setting_lowers_the_floor),
        cmocka_unit_test(only_forward_secrecy_and_aead_where_the_server_is_checked),
        cmocka_unit_test(what_is_no_handshake_is_named),
        cmocka_unit_test(a_reset_is_named),
        cmocka_unit_test(a_silent_server_is_given_up_in_time),
        cmocka_unit_test(no_memory_is_a_failure_like_any_other),
        cmocka_unit_test(every_text_was_seen),
    };

    CRYPTO_set_mem_functions(allocate, reallocate, release); /* before OpenSSL allocates anything */
    return cmocka_run_group_tests(tests, peer_set_up, peer_tear_down);
}
