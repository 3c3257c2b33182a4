/*
 * The server sees the TLS settings of the policy: versions, ciphers, groups and the server name. Policies
 * with different settings do not share a context.
 */
#include <openssl/objects.h>
#include <stdio.h>
#include <string.h>

#include "relay/tls/tls_settings.h"
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

/* A handshake with a server that accepts whatever it is offered. */
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

/*
 * One of `settings` with only that member changed. Connections that differ in it do not share an SSL_CTX,
 * except for the few members that matter to one connection but not to a context.
 */
static void changed(const char *member, const struct settings *settings)
{
    static const char *const of_a_connection[] = {
        "protocol",   "tls",     "implicit_port",    "connect_host",     "connect_port",
        "servername", "timeout", "greeting_timeout", "sandbox_optional", "refuse_unreached",
        "reach",      "log"};
    const struct settings none = {.level = LEVEL_NONE};
    struct files files = {.facts.grant = 0};
    unsigned char plain[TLS_SETTINGS_KEY], key[TLS_SETTINGS_KEY];
    bool apart = true;

    for (size_t i = 0; i < sizeof of_a_connection / sizeof of_a_connection[0]; i++)
        apart = apart && strcmp(member, of_a_connection[i]) != 0;
    assert_true(tls_settings_key(&none, &files, plain) && tls_settings_key(settings, &files, key));
    if ((memcmp(plain, key, sizeof key) != 0) != apart)
        fail_msg("settings that differ in '%s' %s an SSL_CTX", member, apart ? "share" : "do not share");
}

static void contexts_are_shared_by_settings_that_are_alike(void **state)
{
    (void)state;
#define NUMBER(KEY, type, member, place, limit, default, context, server) \
    changed(#member, &(struct settings){.member = (type)1});
#define TEXT(KEY, member, tag, context, server) changed(#member, &(struct settings){.member = ""});
#define LIST(KEY, member, tag, context, server) \
    changed(#member, &(struct settings){.member = {.count = 1, .item = {""}}});
#include "wire/settings.def"
}

/* A file that is replaced, or that others may not read, counts as another file. */
static void contexts_are_shared_while_the_files_are_the_same(void **state)
{
    const struct settings settings = {.level = LEVEL_SECURE};
    struct files files = {.facts.grant = 0};
    unsigned char before[TLS_SETTINGS_KEY], key[TLS_SETTINGS_KEY];

    (void)state;
    assert_true(tls_settings_key(&settings, &files, before));
    files.facts.grant = 7;
    assert_true(tls_settings_key(&settings, &files, key));
    assert_memory_equal(key, before, sizeof key);
    for (int which = 0; which < NAMED_COUNT; which++) {
        files = (struct files){.facts.grant = 0};
        files.facts.state[which].changed[1] = 1;
        assert_true(tls_settings_key(&settings, &files, key));
        assert_memory_not_equal(key, before, sizeof key);
    }
    files = (struct files){.facts.rights = 1};
    assert_true(tls_settings_key(&settings, &files, key));
    assert_memory_not_equal(key, before, sizeof key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(versions_are_those_of_the_policy),
        cmocka_unit_test(ciphers_and_groups_are_those_of_the_policy),
        cmocka_unit_test(name_is_the_one_asked_for_or_the_policys),
        cmocka_unit_test(contexts_are_shared_by_settings_that_are_alike),
        cmocka_unit_test(contexts_are_shared_while_the_files_are_the_same),
    };

    return cmocka_run_group_tests_name("TLS: settings", tests, peer_set_up, peer_tear_down);
}
