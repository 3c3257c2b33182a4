#include "tests/unit/pump_rig.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "relay/protocol/plain.h"
#include "tests/unit/cmocka_all.h"
#include "tests/unit/tls_peer.h"

enum { PATIENCE = 20 }; /* seconds until a test that hangs fails */

static void be_patient(int fd)
{
    const struct timeval limit = {.tv_sec = PATIENCE};

    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit), 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit), 0);
}

static void *accept_tls(void *argument)
{
    struct rig *rig = argument;

    return SSL_accept(rig->ssl) == 1 ? argument : NULL;
}

static void open_tls(struct rig *rig, int version)
{
    static const struct text_list nobody = {.count = 0};
    static const struct settings settings = {.level = LEVEL_ENCRYPT};
    static const struct wire_address address = {.family = AF_INET};
    static const struct tls_peer peer = {
        .settings = &settings, .asked = &nobody, .address = &address, .server = "test"};
    struct identity_of_peer shown = peer_certificate(&(struct wish){.san = "DNS:test"}, NULL);
    SSL_CTX *context = peer_context(&shown, NULL);
    struct transport transport;
    struct plain dialogue = {
        .transport = &transport, .program = -1, .deadline = plain_now() + PATIENCE * 1000, .server = "test"};
    struct failure why = {0};
    pthread_t thread;
    void *accepted;

    SSL_CTX_set_min_proto_version(context, version);
    SSL_CTX_set_max_proto_version(context, version);
    rig->ssl = SSL_new(context);
    SSL_set_fd(rig->ssl, rig->server);
    SSL_CTX_free(context);
    peer_certificate_free(&shown);
    assert_int_equal(pthread_create(&thread, NULL, accept_tls, rig), 0);
    transport_over_socket(&transport, rig->tcp);
    assert_true(tls_open(&rig->tls, rig->tcp, &peer, &why));
    assert_true(tls_handshake(&rig->tls, &dialogue, &why));
    pthread_join(thread, &accepted);
    assert_non_null(accepted);
}

static void *run(void *argument)
{
    struct rig *rig = argument;

    rig->end = pump_run(&rig->what);
    tls_close(&rig->tls);
    close(rig->relay_end);
    close(rig->room);
    close(rig->tcp);
    return NULL;
}

void rig_open(struct rig *rig, enum rig_kind kind, const char *greeting, const struct protocol *watched)
{
    int pair[2], tcp[2];

    memset(rig, 0, sizeof *rig);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    peer_tcp_pair(tcp);
    rig->program = pair[0];
    rig->relay_end = pair[1];
    rig->tcp = tcp[0];
    rig->server = tcp[1];
    be_patient(rig->program);
    be_patient(rig->server);
    assert_int_equal(send(rig->program, "", 1, 0), 1); /* the seed byte */
    rig->room = relay_end_room_of(rig->program);
    assert_true(rig->room >= 0 && relay_end_open(&rig->at_program, rig->relay_end, rig->room, 1));
    if (kind == RIG_BARE)
        stream_over_socket(&rig->bare, rig->tcp);
    else
        open_tls(rig, (int)kind);
    if (watched)
        starttls_watch_begin(&rig->watch, watched);
    assert_true(buffer_append(&rig->greeting, greeting, strlen(greeting)));
    rig->what = (struct pumped){.program = &rig->at_program,
                                .server = kind == RIG_BARE ? &rig->bare : &rig->tls.stream,
                                .watch = watched ? &rig->watch : NULL,
                                .up = &rig->up,
                                .down = &rig->down,
                                .greeting = &rig->greeting,
                                .protocol = watched ? watched->kind : PROTOCOL_AUTO};
    assert_int_equal(pthread_create(&rig->pump, NULL, run, rig), 0);
}

enum pump_end rig_join(struct rig *rig)
{
    if (!rig->joined)
        pthread_join(rig->pump, NULL);
    rig->joined = true;
    return rig->end;
}

void rig_close(struct rig *rig)
{
    if (rig->program >= 0)
        close(rig->program);
    if (rig->server >= 0)
        close(rig->server);
    rig->program = rig->server = -1;
    rig_join(rig);
    SSL_free(rig->ssl);
}

void rig_server_write(struct rig *rig, const void *bytes, size_t length)
{
    size_t done = 0;

    if (rig->ssl)
        assert_int_equal(SSL_write_ex(rig->ssl, bytes, length, &done), 1);
    else
        done = (size_t)send(rig->server, bytes, length, MSG_NOSIGNAL);
    assert_int_equal(done, length);
}

void rig_server_read(struct rig *rig, void *bytes, size_t length)
{
    for (size_t got = 0, n = 0; got < length; got += n) {
        if (rig->ssl) {
            assert_int_equal(SSL_read_ex(rig->ssl, (char *)bytes + got, length - got, &n), 1);
        } else {
            const ssize_t count = recv(rig->server, (char *)bytes + got, length - got, 0);

            assert_true(count > 0);
            n = (size_t)count;
        }
    }
}

ssize_t rig_program_read(struct rig *rig, void *bytes, size_t size)
{
    const ssize_t n = recv(rig->program, bytes, size, 0);

    return n < 0 ? -errno : n;
}

void rig_program_expect(struct rig *rig, const char *text)
{
    char got[1024] = "";
    size_t length = 0;

    assert_true(strlen(text) < sizeof got);
    while (length < strlen(text)) {
        const ssize_t n = rig_program_read(rig, got + length, strlen(text) - length);

        if (n <= 0)
            fail_msg("'%s', then %zd, for '%s'", got, n, text);
        length += (size_t)n;
    }
    assert_string_equal(got, text);
}

void rig_program_write(struct rig *rig, const char *text)
{
    assert_int_equal(send(rig->program, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

long rig_pump_time(const struct rig *rig)
{
    struct timespec used;
    clockid_t clock;

    assert_int_equal(pthread_getcpuclockid(rig->pump, &clock), 0);
    clock_gettime(clock, &used);
    return used.tv_sec * 1000 + used.tv_nsec / 1000000;
}

void rig_end_in_order(struct rig *rig)
{
    if (rig->ssl)
        SSL_shutdown(rig->ssl);
    shutdown(rig->server, SHUT_WR);
}
