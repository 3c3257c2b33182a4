/* Which sessions are resumed: for which names, how often, and what else may go on meanwhile. */
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "relay/protocol/plain.h"
#include "tests/unit/cmocka_all.h"
#include "tests/unit/tls_peer.h"

static const struct text_list asked = {.count = 1, .item = {"mail.example"}};

static void say_hello(SSL *ssl, void *argument)
{
    (void)argument;
    SSL_write(ssl, "!", 1);
}

static void a_session_is_resumed_for_its_own_names_alone(void **state)
{
    const struct text_list a = peer_names("a.example", NULL), b = peer_names("b.example", NULL);
    struct identity_of_peer a_shown =
        peer_certificate(&(struct wish){.san = "DNS:a.example"}, &peer_trusted.root);
    SSL_CTX *context = peer_context(&a_shown, NULL);
    struct settings settings = peer_settings(LEVEL_SECURE);
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

/* RFC 8446, C.4: an observer would recognise two connections with the same ticket as the same client's. */
static void a_ticket_is_used_once(void **state)
{
    const struct text_list once = peer_names("once.example", NULL);
    struct identity_of_peer own =
        peer_certificate(&(struct wish){.san = "DNS:once.example"}, &peer_trusted.root);
    SSL_CTX *context = peer_context(&own, NULL);
    const struct settings settings = peer_settings(LEVEL_SECURE);

    (void)state;
    SSL_CTX_set_session_id_context(context, (const unsigned char *)"once", 4);
    SSL_CTX_set_num_tickets(context, 1);
    assert_false(peer_handshake(context, &settings, &once, say_hello).resumed);
    SSL_CTX_set_num_tickets(context, 0);
    assert_true(peer_handshake(context, &settings, &once, say_hello).resumed);
    assert_false(peer_handshake(context, &settings, &once, say_hello).resumed);
    SSL_CTX_free(context);
    peer_certificate_free(&own);
}

/* Otherwise the log would report what is wrong with the certificate only for the first connection. */
static void what_only_testing_lets_pass_is_not_resumed(void **state)
{
    const struct text_list names = peer_names("tested.example", NULL);
    struct identity_of_peer own = peer_certificate(&(struct wish){.san = "DNS:tested.example"}, NULL);
    SSL_CTX *context = peer_context(&own, NULL);
    struct settings settings = peer_settings(LEVEL_SECURE);

    (void)state;
    settings.testing = true;
    SSL_CTX_set_session_id_context(context, (const unsigned char *)"test", 4);
    for (int i = 0; i < 2; i++) {
        const struct peer_seen seen = peer_handshake(context, &settings, &names, say_hello);

        assert_true(seen.done);
        assert_false(seen.resumed);
    }
    SSL_CTX_free(context);
    peer_certificate_free(&own);
}

/* A program that keeps one connection open (IDLE) and opens a second one. */
static void hold(SSL *ssl, void *argument)
{
    char byte;

    (void)argument;
    SSL_write(ssl, "!", 1);
    SSL_read(ssl, &byte, 1);
}

static void *shake_hands(void *argument)
{
    const struct settings settings = peer_settings(LEVEL_SECURE);
    bool *resumed = malloc(sizeof *resumed);
    if (!resumed)
        abort();

    *resumed = peer_handshake(argument, &settings, &asked, say_hello).resumed;
    return resumed;
}

static void a_ticket_serves_while_its_connection_goes_on(void **state)
{
    const struct wire_address address = {.family = AF_INET, .port = 143, .bytes = {127, 0, 0, 1}};
    const struct text_list names = peer_names("mail.example", NULL);
    const struct settings settings = peer_settings(LEVEL_SECURE);
    const struct tls_peer peer = {
        .settings = &settings, .asked = &names, .address = &address, .server = "mail.example"};
    SSL_CTX *context = peer_context(&peer_shown, NULL);
    struct tls_peer_server server = {.context = context, .act = hold};
    struct transport transport;
    struct plain dialogue = {.transport = &transport, .program = -1, .deadline = plain_now() + 20000};
    struct failure why = {0};
    struct tls tls;
    pthread_t other;
    size_t count;
    char byte;
    int pair[2];

    (void)state;
    SSL_CTX_set_num_tickets(context, 1);
    peer_tcp_pair(pair);
    server.fd = pair[1];
    peer_server_start(&server);
    transport_over_socket(&transport, pair[0]);
    assert_true(tls_open(&tls, pair[0], &peer, &why));
    assert_true(tls_handshake(&tls, &dialogue, &why));
    while (tls.stream.read(&tls.stream, &byte, 1, &count) == FLOW_BLOCKED) {
        plain_wait(&dialogue, POLLIN, dialogue.deadline);
        tls.stream.ready.fresh = true;
    }
    for (int i = 0; i < 3; i++) { /* first one of its own tickets, then those of the previous connection */
        bool *resumed;

        assert_int_equal(pthread_create(&other, NULL, shake_hands, context), 0);
        assert_int_equal(pthread_join(other, (void **)&resumed), 0);
        assert_true(*resumed);
        free(resumed);
    }
    tls_close(&tls);
    close(pair[0]);
    peer_server_join(&server);
    SSL_CTX_free(context);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_session_is_resumed_for_its_own_names_alone),
        cmocka_unit_test(a_ticket_is_used_once),
        cmocka_unit_test(what_only_testing_lets_pass_is_not_resumed),
        cmocka_unit_test(a_ticket_serves_while_its_connection_goes_on),
    };

    return cmocka_run_group_tests_name("TLS: sessions", tests, peer_set_up, peer_tear_down);
}
