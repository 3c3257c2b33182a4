/*
 * What a policy says of TLS is what the server sees: versions, ciphers, groups and the name it is asked for.
 */
#include <openssl/objects.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/cmocka_all.h"
#include "tests/unit/tls_peer.h"

static const struct text_list asked = {.count = 1, .item = {"mail.example"}};

/* What the server has seen. */
static struct {
    char version[16], cipher[64], group[32], name[64];
} seen;

static void copy(char *to, size_t size, const char *from)
{
    snprintf(to, size, "%s", from ? from : "(none)");
}

static void look(SSL *ssl, void *argument)
{
    (void)argument;
    copy(seen.version, sizeof seen.version, SSL_get_version(ssl));
    copy(seen.cipher, sizeof seen.cipher, SSL_get_cipher_name(ssl));
    copy(seen.group, sizeof seen.group, OBJ_nid2sn((int)SSL_get_negotiated_group(ssl)));
    copy(seen.name, sizeof seen.name, SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name));
    SSL_write(ssl, "!", 1);
}

/* A handshake with a server that takes whatever it is offered. */
static void shake_hands(const struct settings *settings, const struct text_list *names)
{
    SSL_CTX *context = peer_context(&peer_shown, NULL);
    struct peer_seen made;

    memset(&seen, 0, sizeof seen);
    made = peer_handshake(context, settings, names, look);
    if (!made.done)
        fail_msg("%s", made.why.text);
    SSL_CTX_free(context);
}

static void versions_are_those_of_the_policy(void **state)
{
    struct settings settings = peer_settings(LEVEL_SECURE);
    SSL_CTX *old = peer_context(&peer_shown, NULL);

    (void)state;
    shake_hands(&settings, &asked);
    assert_string_equal(seen.version, "TLSv1.3");
    settings.tls_max = SETTINGS_TLS_1_2;
    shake_hands(&settings, &asked);
    assert_string_equal(seen.version, "TLSv1.2");
    settings = peer_settings(LEVEL_SECURE);
    SSL_CTX_set_max_proto_version(old, TLS1_2_VERSION);
    assert_true(peer_handshake(old, &settings, &asked, NULL).done);
    settings.tls_min = SETTINGS_TLS_1_3;
    assert_false(peer_handshake(old, &settings, &asked, NULL).done);
    SSL_CTX_free(old);
}

static void ciphers_and_groups_are_those_of_the_policy(void **state)
{
    struct settings settings = peer_settings(LEVEL_SECURE);

    (void)state;
    settings.ciphersuites = "TLS_CHACHA20_POLY1305_SHA256";
    shake_hands(&settings, &asked);
    assert_string_equal(seen.cipher, "TLS_CHACHA20_POLY1305_SHA256");
    assert_string_not_equal(seen.group, "secp384r1"); /* OpenSSL's own choice */
    settings.groups = "P-384";
    shake_hands(&settings, &asked);
    assert_string_equal(seen.group, "secp384r1");
    settings = peer_settings(LEVEL_SECURE);
    settings.tls_max = SETTINGS_TLS_1_2;
    settings.ciphers = "ECDHE-ECDSA-AES128-SHA256";
    shake_hands(&settings, &asked);
    assert_string_equal(seen.cipher, "ECDHE-ECDSA-AES128-SHA256");
}

/* RFC 6066, 3: a host name, and no address. */
static void name_is_the_one_asked_for_or_the_policys(void **state)
{
    const struct text_list spelt = peer_names("Mail.Example.", NULL), address = peer_names("127.0.0.1", NULL);
    struct settings settings = peer_settings(LEVEL_SECURE);

    (void)state;
    shake_hands(&settings, &spelt);
    assert_string_equal(seen.name, "Mail.Example");
    shake_hands(&settings, &address);
    assert_string_equal(seen.name, "(none)");
    settings.servername = "front.example";
    shake_hands(&settings, &asked);
    assert_string_equal(seen.name, "front.example");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(versions_are_those_of_the_policy),
        cmocka_unit_test(ciphers_and_groups_are_those_of_the_policy),
        cmocka_unit_test(name_is_the_one_asked_for_or_the_policys),
    };

    return cmocka_run_group_tests_name("TLS: settings", tests, peer_set_up, peer_tear_down);
}
