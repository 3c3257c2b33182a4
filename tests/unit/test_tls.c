/*
 * What is spoken with the server, whatever its certificate: G4 weak cryptography, F3 what may come instead of
 * a handshake, and sessions that are resumed.
 */
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "relay/plain.h"
#include "tests/unit/cmocka_all.h"
#include "tests/unit/tls_peer.h"

#define GOOD .san = "DNS:mail.example"

static struct peer_authority authority;
static struct identity_of_peer shown;
static const struct text_list asked = {.count = 1, .item = {"mail.example"}};

static int open_authority(void **state)
{
    (void)state;
    signal(SIGPIPE, SIG_IGN);
    peer_authority_open(&authority);
    shown = peer_certificate(&(struct wish){GOOD}, &authority.root);
    return 0;
}

static int close_authority(void **state)
{
    (void)state;
    peer_certificate_free(&shown);
    peer_authority_close(&authority);
    return 0;
}

static struct settings at_level(enum level level)
{
    return (struct settings){.level = level, .ca_file = authority.file};
}

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
            SSL_CTX *context = peer_context(&shown, NULL);
            const struct settings settings = at_level((enum level)level);

            SSL_CTX_set_min_proto_version(context, weak[i].low);
            SSL_CTX_set_max_proto_version(context, weak[i].high);
            assert_int_equal(SSL_CTX_set_cipher_list(context, weak[i].ciphers), 1);
            if (peer_handshake(context, &settings, &asked, NULL).done)
                fail_msg("%s at %s", weak[i].what, level_name((enum level)level));
            SSL_CTX_free(context);
        }
    }
}

/* A policy's ciphers cannot bring back what is never spoken. */
static void no_setting_lowers_the_floor(void **state)
{
    struct identity_of_peer weak = peer_certificate(&(struct wish){GOOD, .rsa_bits = 1024}, &authority.root);
    SSL_CTX *anonymous = peer_context(&shown, NULL), *small = peer_context(&weak, NULL);
    struct settings settings = at_level(LEVEL_ENCRYPT);

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

/* ---- resumption ---- */

static void say_hello(SSL *ssl, void *argument)
{
    (void)argument;
    SSL_write(ssl, "!", 1);
}

static void a_session_is_resumed_for_its_own_names_alone(void **state)
{
    const struct text_list a = peer_names("a.example", NULL), b = peer_names("b.example", NULL);
    struct identity_of_peer a_shown =
        peer_certificate(&(struct wish){.san = "DNS:a.example"}, &authority.root);
    SSL_CTX *context = peer_context(&a_shown, NULL);
    struct settings settings = at_level(LEVEL_SECURE);
    struct peer_seen seen;

    (void)state;
    SSL_CTX_set_session_id_context(context, (const unsigned char *)"test", 4);
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        SSL_CTX_set_max_proto_version(context, version);
        settings.tls_max = (uint32_t)version;
        assert_false(peer_handshake(context, &settings, &a, say_hello).resumed);
        seen = peer_handshake(context, &settings, &a, say_hello);
        if (!seen.done || !seen.resumed)
            fail_msg("TLS %#x: done %d, resumed %d (%s)", (unsigned)version, seen.done, seen.resumed,
                     seen.why.text);
        assert_string_equal(seen.verified, "a.example");
        assert_false(peer_handshake(context, &settings, &b, say_hello).done);
        settings.level = LEVEL_ENCRYPT;
        assert_false(peer_handshake(context, &settings, &a, say_hello).resumed);
        settings.level = LEVEL_SECURE;
    }
    SSL_CTX_free(context);
    peer_certificate_free(&a_shown);
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
        {"\x15\x03\x03\x00\x02\x02\x28", 7, FAILURE_TLS_ALERT},
        {"\x15\x03\x03\x00\x02\x02\x46", 7, FAILURE_TLS_VERSION},
        {"SSH-2.0-OpenSSH_9\r\n", 19, FAILURE_TLS_NOT_TLS},
        {"\x16\x03\x03\x00\x04\x01\x02\x03\x04", 9, FAILURE_TLS_OTHER},
    };
    const struct wire_address address = {.family = AF_INET, .port = 143};
    const struct settings settings = at_level(LEVEL_MAY);
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
        tls_close(&tls);
        close(pair[0]);
        close(pair[1]);
    }
}

static void a_silent_server_is_given_up_in_time(void **state)
{
    const struct wire_address address = {.family = AF_INET, .port = 143};
    const struct settings settings = at_level(LEVEL_MAY);
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
    tls_close(&tls);
    /* And at once where the program has gone. */
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(weak_servers_fail_at_every_level),
        cmocka_unit_test(no_setting_lowers_the_floor),
        cmocka_unit_test(a_session_is_resumed_for_its_own_names_alone),
        cmocka_unit_test(what_is_no_handshake_is_named),
        cmocka_unit_test(a_silent_server_is_given_up_in_time),
    };

    return cmocka_run_group_tests(tests, open_authority, close_authority);
}
