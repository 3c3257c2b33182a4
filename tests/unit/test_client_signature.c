/*
 * The worker may have been taken over. The key of a client's certificate must then be of no use except in TLS
 * handshakes: no weak digest, no padding, and no text that another use of the key could take for its own.
 * Handshakes get what they need, with each kind of key and both versions.
 */
#include "monitor/client_signature.h"

#include <errno.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/cmocka_all.h"
#include "tests/unit/tls_peer.h"

enum { SIGNATURE_LIMIT = 512, BEYOND = DIGEST_COUNT + 2 };

static EVP_PKEY *rsa, *rsa_pss, *p256, *p384, *p521, *ed25519, *ed448;

static EVP_PKEY *make_rsa_pss(void)
{
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "RSA-PSS", NULL);
    EVP_PKEY *key = NULL;

    assert_int_equal(EVP_PKEY_keygen_init(context), 1);
    assert_int_equal(EVP_PKEY_CTX_set_rsa_keygen_bits(context, 2048), 1);
    assert_int_equal(EVP_PKEY_keygen(context, &key), 1);
    EVP_PKEY_CTX_free(context);
    return key;
}

static int make_keys(void **state)
{
    rsa = EVP_RSA_gen(2048);
    rsa_pss = make_rsa_pss();
    p256 = EVP_EC_gen("P-256");
    p384 = EVP_EC_gen("P-384");
    p521 = EVP_EC_gen("P-521");
    ed25519 = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    ed448 = EVP_PKEY_Q_keygen(NULL, NULL, "ED448");
    return rsa && p256 && p384 && p521 && ed25519 && ed448 ? peer_set_up(state) : -1;
}

static int free_keys(void **state)
{
    EVP_PKEY *const all[] = {rsa, rsa_pss, p256, p384, p521, ed25519, ed448};

    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        EVP_PKEY_free(all[i]);
    return peer_tear_down(state);
}

/* ---- texts that a client signs ---- */

static uint8_t of_1_3[64 + 34 + 64] = {0};
static const uint8_t of_1_2[] = {1,  0, 0, 4, 3, 3, 0, 0, /* ClientHello */
                                 14, 0, 0, 0,             /* ServerHelloDone */
                                 16, 0, 0, 1, 0 /* ClientKeyExchange */};

static size_t make_1_3(size_t hash)
{
    memset(of_1_3, ' ', 64);
    memcpy(of_1_3 + 64, "TLS 1.3, client CertificateVerify", 34);
    return 64 + 34 + hash;
}

static int sign_what(EVP_PKEY *key, uint32_t digest, bool pss, const uint8_t *what, size_t length)
{
    const struct monitor_signing how = {.digest = digest, .pss = pss};
    uint8_t signature[SIGNATURE_LIMIT];
    size_t used = 0;
    const int error = client_signature(key, &how, what, length, signature, sizeof signature, &used);

    if (error == 0)
        assert_true(used > 0 && used <= sizeof signature);
    return error;
}

/* Tries each scheme of a key. Bit N of `plain` and `pss` says that digest N is allowed. */
static void expect_schemes(EVP_PKEY *key, bool tls_1_3, unsigned plain, unsigned pss)
{
    const size_t length = make_1_3(32);

    for (unsigned digest = 0; digest < BEYOND; digest++) {
        for (int padding = 0; padding < 2; padding++) {
            const bool wanted = (padding ? pss : plain) & 1U << digest;
            const int error = tls_1_3 ? sign_what(key, digest, padding, of_1_3, length)
                                      : sign_what(key, digest, padding, of_1_2, sizeof of_1_2);

            if (error != (wanted ? 0 : EPERM))
                fail_msg("%s, TLS 1.%d, digest %u, padding %d: %d", EVP_PKEY_get0_type_name(key),
                         tls_1_3 ? 3 : 2, digest, padding, error);
        }
    }
}

enum {
    OWN = 1 << DIGEST_OF_KEY,
    S256 = 1 << DIGEST_SHA256,
    S384 = 1 << DIGEST_SHA384,
    S512 = 1 << DIGEST_SHA512,
    LONG = S256 | S384 | S512,
    ALL = LONG | 1 << DIGEST_SHA224,
};

static void only_schemes_of_tls_are_signed(void **state)
{
    (void)state;
    expect_schemes(rsa, false, ALL, LONG);
    expect_schemes(rsa, true, 0, LONG);
    expect_schemes(rsa_pss, false, 0, LONG);
    expect_schemes(rsa_pss, true, 0, LONG);
    expect_schemes(p256, false, ALL, 0);
    expect_schemes(p256, true, S256, 0);
    expect_schemes(p384, false, ALL, 0);
    expect_schemes(p384, true, S384, 0);
    expect_schemes(p521, true, S512, 0);
    expect_schemes(ed25519, false, OWN, 0);
    expect_schemes(ed25519, true, OWN, 0);
    expect_schemes(ed448, true, OWN, 0);
}

static void nothing_but_a_handshake_is_signed(void **state)
{
    static const uint8_t server[] = "TLS 1.3, server CertificateVerify";
    uint8_t other[sizeof of_1_2];

    (void)state;
    assert_int_equal(sign_what(p256, DIGEST_SHA256, false, (const uint8_t *)"a mail", 6), EPERM);
    assert_int_equal(sign_what(p256, DIGEST_SHA256, false, of_1_3, make_1_3(20)), EPERM);
    assert_int_equal(sign_what(p256, DIGEST_SHA256, false, of_1_3, make_1_3(64)), 0);
    memcpy(of_1_3 + 64, server, sizeof server);
    assert_int_equal(sign_what(p256, DIGEST_SHA256, false, of_1_3, 64 + 34 + 32), EPERM);
    make_1_3(32);
    of_1_3[0] = 'x';
    assert_int_equal(sign_what(p256, DIGEST_SHA256, false, of_1_3, 64 + 34 + 32), EPERM);
    assert_int_equal(sign_what(p256, DIGEST_SHA256, false, of_1_2, sizeof of_1_2 - 5), EPERM);
    assert_int_equal(sign_what(p256, DIGEST_SHA256, false, of_1_2, sizeof of_1_2 - 1), EPERM);
    memcpy(other, of_1_2, sizeof other);
    other[5] = 2; /* TLS 1.1 */
    assert_int_equal(sign_what(p256, DIGEST_SHA256, false, other, sizeof other), EPERM);
}

/* ---- whole handshakes ---- */

static int believe(int good, X509_STORE_CTX *context)
{
    (void)good;
    (void)context;
    return 1;
}

static void handshake_with(EVP_PKEY *key, int version, const char *schemes)
{
    const struct identity_of_peer client = peer_certificate_of_key(
        &(struct wish){.cn = "client", .usage = "clientAuth"}, &peer_trusted.root, key);
    SSL_CTX *const context = peer_context(&peer_shown, NULL);
    struct settings settings = peer_settings(LEVEL_ENCRYPT);
    char file[] = "/tmp/retrotls-client-XXXXXX";
    FILE *out = fdopen(mkstemp(file), "w");
    struct peer_seen seen;

    assert_non_null(out);
    assert_int_equal(PEM_write_PrivateKey(out, key, NULL, NULL, 0, NULL, NULL), 1);
    fclose(out);
    peer_certificate_to_file(&client, file);
    settings.client_cert = file;
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, believe);
    assert_int_equal(SSL_CTX_set_min_proto_version(context, version), 1);
    assert_int_equal(SSL_CTX_set_max_proto_version(context, version), 1);
    if (schemes)
        assert_int_equal(SSL_CTX_set1_client_sigalgs_list(context, schemes), 1);
    seen = peer_handshake(context, &settings, &(struct text_list){.count = 0}, NULL);
    if (!seen.done)
        fail_msg("%s, %x, %s: %s", EVP_PKEY_get0_type_name(key), (unsigned)version, schemes ? schemes : "any",
                 seen.why.text);
    unlink(file);
    SSL_CTX_free(context);
    peer_certificate_free((struct identity_of_peer *)(uintptr_t)&client);
}

static void each_kind_of_key_serves(void **state)
{
    EVP_PKEY *const keys[] = {rsa, rsa_pss, p256, p384, p521, ed25519, ed448};

    (void)state;
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        handshake_with(keys[i], TLS1_2_VERSION, NULL);
        handshake_with(keys[i], TLS1_3_VERSION, NULL);
    }
}

static void each_scheme_that_a_server_may_ask_for_serves(void **state)
{
    static const char *const of_rsa[] = {"RSA+SHA224",         "RSA+SHA256",          "RSA+SHA384",
                                         "RSA+SHA512",         "rsa_pss_rsae_sha256", "rsa_pss_rsae_sha384",
                                         "rsa_pss_rsae_sha512"};
    static const char *const of_ec[] = {"ECDSA+SHA224", "ECDSA+SHA256", "ECDSA+SHA384", "ECDSA+SHA512"};

    (void)state;
    for (size_t i = 0; i < sizeof of_rsa / sizeof *of_rsa; i++)
        handshake_with(rsa, TLS1_2_VERSION, of_rsa[i]);
    for (size_t i = 0; i < sizeof of_ec / sizeof *of_ec; i++)
        handshake_with(p256, TLS1_2_VERSION, of_ec[i]);
    handshake_with(rsa, TLS1_3_VERSION, "rsa_pss_rsae_sha512");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_schemes_of_tls_are_signed),
        cmocka_unit_test(nothing_but_a_handshake_is_signed),
        cmocka_unit_test(each_kind_of_key_serves),
        cmocka_unit_test(each_scheme_that_a_server_may_ask_for_serves),
    };

    return cmocka_run_group_tests(tests, make_keys, free_keys);
}
