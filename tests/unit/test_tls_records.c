/*
 * Records that are sent together. However much the socket takes at a time, the server reads every byte, in
 * order, and no byte is left waiting that nobody would send.
 */
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "relay/protocol/plain.h"
#include "tests/unit/cmocka_all.h"
#include "tests/unit/tls_peer.h"

enum { TOTAL = 6 * 1024 * 1024, MOST = 200000, SMALL = 4096 };

static struct peer_authority authority;
static struct identity_of_peer shown;
static uint8_t sent[TOTAL];

static int open_authority(void **state)
{
    (void)state;
    signal(SIGPIPE, SIG_IGN);
    peer_authority_open(&authority);
    shown = peer_certificate(&(struct wish){.san = "DNS:mail.example"}, &authority.root);
    for (size_t i = 0; i < TOTAL; i++)
        sent[i] = (uint8_t)(i * 7 + i / 251 + i / 65521);
    return 0;
}

static int close_authority(void **state)
{
    (void)state;
    peer_certificate_free(&shown);
    peer_authority_close(&authority);
    return 0;
}

/* What the server has read is right up to here. */
struct reading {
    size_t good;
    bool ended;
};

static void read_all(SSL *ssl, void *argument)
{
    struct reading *r = argument;
    static uint8_t piece[SMALL];
    int n;

    while ((n = SSL_read(ssl, piece, sizeof piece)) > 0) {
        if (r->good + (size_t)n > TOTAL || memcmp(piece, sent + r->good, (size_t)n) != 0)
            return;
        r->good += (size_t)n;
    }
    r->ended = SSL_get_error(ssl, n) == SSL_ERROR_ZERO_RETURN;
}

static void make_small(int fd, int option)
{
    const int size = SMALL;

    assert_int_equal(setsockopt(fd, SOL_SOCKET, option, &size, sizeof size), 0);
}

static void wait_until_writable(struct tls *tls)
{
    struct pollfd socket = {.fd = tls->stream.fd, .events = POLLOUT};

    assert_int_equal(poll(&socket, 1, 20000), 1);
    tls->stream.ready.writable = true;
}

/* Like the pump: offers what there is, more of it each time, until the stream says that it is blocked. */
static void write_all(struct tls *tls, unsigned seed)
{
    size_t done = 0, offered = 0;

    while (done < TOTAL) {
        size_t count;

        if (offered == done) { /* all of it was taken: nothing may be left unsent */
            assert_int_equal(buffer_used(&tls->gathered), 0);
            assert_null(tls->gathered.bytes);
        }
        offered += (size_t)rand_r(&seed) % MOST;
        if (offered <= done)
            offered = done + 1;
        if (offered > TOTAL)
            offered = TOTAL;
        while (done < offered) {
            const enum flow flow = tls->stream.write(&tls->stream, sent + done, offered - done, &count);

            if (flow == FLOW_BLOCKED) {
                assert_false(tls->stream.ready.writable);
                wait_until_writable(tls);
                break;
            }
            assert_int_equal(flow, FLOW_MOVED);
            done += count;
        }
    }
    assert_null(tls->gathered.bytes);
    while (tls->stream.finish(&tls->stream) == FLOW_BLOCKED)
        wait_until_writable(tls);
}

static void transfer(int version, const char *ciphers, bool small, unsigned seed)
{
    const struct wire_address address = {.family = AF_INET, .port = 143, .bytes = {127, 0, 0, 1}};
    const struct text_list asked = peer_names("mail.example", NULL);
    const struct settings settings = {.level = LEVEL_SECURE, .ca_file = authority.file, .ciphers = ciphers};
    const struct tls_peer peer = {
        .settings = &settings, .asked = &asked, .address = &address, .server = "mail.example"};
    SSL_CTX *context = peer_context(&shown, NULL);
    struct reading reading = {0};
    struct tls_peer_server server = {.context = context, .act = read_all, .argument = &reading};
    struct transport transport;
    struct plain dialogue = {.transport = &transport, .program = -1, .deadline = plain_now() + 20000};
    struct failure why = {0};
    struct tls tls;
    int pair[2];

    SSL_CTX_set_max_proto_version(context, version);
    assert_int_equal(SSL_CTX_set_cipher_list(context, ciphers), 1); /* ciphers of TLS 1.2 */
    peer_tcp_pair(pair);
    if (small) /* not the server's: with a window below loopback's segment size, TCP waits for its timers */
        make_small(pair[0], SO_SNDBUF);
    server.fd = pair[1];
    peer_server_start(&server);
    transport_over_socket(&transport, pair[0]);
    assert_true(tls_open(&tls, pair[0], &peer, &why));
    assert_true(tls_handshake(&tls, &dialogue, &why));
    write_all(&tls, seed);
    peer_server_join(&server);
    assert_int_equal(reading.good, TOTAL);
    assert_true(reading.ended);
    tls_close(&tls);
    close(pair[0]);
    SSL_CTX_free(context);
}

static void every_byte_arrives_in_order(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        transfer(TLS1_3_VERSION, "ALL", i == 0, i);
        transfer(TLS1_2_VERSION, "ECDHE-ECDSA-AES128-GCM-SHA256", i == 0, i + 2);
        transfer(TLS1_2_VERSION, "ECDHE-ECDSA-AES128-SHA256", i == 0, i + 4); /* several records per write */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_byte_arrives_in_order)};

    return cmocka_run_group_tests(tests, open_authority, close_authority);
}
