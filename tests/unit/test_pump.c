/*
 * The pump against real OpenSSL servers: every byte arrives, and each side learns the truth about the other's
 * end.
 */
#include <errno.h>
#include <openssl/err.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "relay/protocol/protocol.h"
#include "tests/unit/cmocka_all.h"
#include "tests/unit/pump_rig.h"

static int ignore_sigpipe(void **state)
{
    (void)state;
    signal(SIGPIPE, SIG_IGN);
    return 0;
}

/* ---- every byte ---- */

/* A stream of bytes that both of its ends can compute, in pieces of any size. */
struct stream_of_bytes {
    uint64_t state;
    size_t left;
};

static void fill(struct stream_of_bytes *s, uint8_t *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        s->state = s->state * UINT64_C(6364136223846793005) + 1442695040888963407;
        bytes[i] = (uint8_t)(s->state >> 56);
    }
    s->left -= length;
}

static size_t piece(unsigned *seed, size_t left)
{
    /* Single bytes, lines, records, and more than any buffer holds. */
    static const size_t limits[] = {1, 80, 4096, 16384, 200000};
    const size_t size = 1 + (size_t)rand_r(seed) % limits[(size_t)rand_r(seed) % 5];

    return size < left ? size : left;
}

enum { STREAM_SIZE = 6 * 1024 * 1024 };

struct side {
    struct rig *rig;
    unsigned seed;
    bool good;
};

static uint8_t *program_room, *server_room, *writer_room;

static void *program_writes(void *argument)
{
    struct side *side = argument;
    struct stream_of_bytes s = {.state = 1, .left = STREAM_SIZE};

    side->good = true;
    while (s.left > 0 && side->good) {
        const size_t n = piece(&side->seed, s.left);

        fill(&s, writer_room, n);
        side->good = send(side->rig->program, writer_room, n, MSG_NOSIGNAL) == (ssize_t)n;
    }
    shutdown(side->rig->program, SHUT_WR);
    return NULL;
}

static void *program_reads(void *argument)
{
    struct side *side = argument;
    struct stream_of_bytes s = {.state = 2, .left = STREAM_SIZE};
    static uint8_t expected[200000];

    side->good = true;
    while (side->good) {
        const ssize_t n = recv(side->rig->program, program_room, piece(&side->seed, 200000), 0);

        if (n <= 0)
            break;
        side->good = (size_t)n <= s.left;
        if (side->good) {
            fill(&s, expected, (size_t)n);
            side->good = memcmp(program_room, expected, (size_t)n) == 0;
        }
    }
    side->good = side->good && s.left == 0;
    return NULL;
}

/* Does whatever is ready, both ways, in one thread, as an SSL object requires. */
static bool server_does_both(struct rig *rig, unsigned seed)
{
    struct stream_of_bytes out = {.state = 2, .left = STREAM_SIZE}, in = {.state = 1, .left = STREAM_SIZE};
    static uint8_t expected[65536];
    size_t pending = 0, sent = 0, n;
    bool open = true;

    SSL_set_mode(rig->ssl, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_AUTO_RETRY);
    while (open || out.left > 0 || sent < pending) {
        struct pollfd polled = {.fd = rig->server, .events = POLLIN};

        if (out.left > 0 || sent < pending)
            polled.events |= POLLOUT;
        if (SSL_pending(rig->ssl) == 0 && poll(&polled, 1, 20000) != 1)
            return false;
        if (open && (SSL_pending(rig->ssl) > 0 || polled.revents & (POLLIN | POLLHUP))) {
            if (!SSL_read_ex(rig->ssl, expected, sizeof expected / 2, &n)) {
                open = false;
                if (SSL_get_error(rig->ssl, 0) != SSL_ERROR_ZERO_RETURN)
                    return false;
                continue;
            }
            if (n > in.left)
                return false;
            fill(&in, expected + sizeof expected / 2, n);
            if (memcmp(expected, expected + sizeof expected / 2, n) != 0)
                return false;
        }
        if (polled.revents & POLLOUT) {
            if (sent == pending) {
                pending = piece(&seed, out.left);
                sent = 0;
                fill(&out, server_room, pending);
            }
            n = pending - sent < 8192 ? pending - sent : 8192;
            if (!SSL_write_ex(rig->ssl, server_room + sent, n, &n))
                return false;
            sent += n;
        }
    }
    SSL_shutdown(rig->ssl);
    shutdown(rig->server, SHUT_WR);
    return in.left == 0;
}

/* Random sizes, both directions at once, half-closes at the end: what was sent arrives. */
static void every_byte_arrives_both_ways(void **state)
{
    (void)state;
    program_room = malloc(200000);
    server_room = malloc(200000);
    writer_room = malloc(200000);
    for (unsigned round = 0; round < 4; round++) {
        struct rig rig;
        struct side up = {.rig = &rig, .seed = round}, down = {.rig = &rig, .seed = round + 100};
        pthread_t writer, reader;

        rig_open(&rig, round & 1 ? RIG_TLS_1_2 : RIG_TLS_1_3, "", NULL);
        pthread_create(&writer, NULL, program_writes, &up);
        pthread_create(&reader, NULL, program_reads, &down);
        assert_true(server_does_both(&rig, round + 200));
        pthread_join(writer, NULL);
        pthread_join(reader, NULL);
        assert_true(up.good);
        assert_true(down.good);
        assert_int_equal(rig_join(&rig), PUMP_ENDED);
        assert_true(rig.up == STREAM_SIZE && rig.down == STREAM_SIZE);
        rig_close(&rig);
    }
    free(program_room);
    free(server_room);
    free(writer_room);
}

static void the_greeting_comes_first(void **state)
{
    (void)state;
    EACH_KIND(k)
    {
        struct rig rig;
        char got[8];

        rig_open(&rig, rig_kinds[k], "* OK relay\r\n", NULL);
        rig_server_write(&rig, "* BYE\r\n", 7);
        rig_program_expect(&rig, "* OK relay\r\n* BYE\r\n");
        rig_program_write(&rig, "a NOOP\r\n");
        rig_server_read(&rig, got, 8);
        assert_memory_equal(got, "a NOOP\r\n", 8);
        rig_close(&rig);
    }
}

/* ---- the kept byte ---- */

static int queued(int fd)
{
    int n = -1;

    ioctl(fd, FIONREAD, &n);
    return n;
}

static bool becomes(int (*of)(int), int fd, int wanted)
{
    const struct timespec moment = {.tv_nsec = 1000000};

    for (int i = 0; i < 20000 && of(fd) != wanted; i++)
        nanosleep(&moment, NULL);
    return of(fd) == wanted;
}

static void one_byte_stays_unread(void **state)
{
    static char sent[100000], got[100000];

    (void)state;
    EACH_KIND(k)
    {
        static const size_t sizes[] = {1, 2, 100, 4095, 4096, 4097, 5000, 65536, 65537, 100000, 1, 1};
        struct rig rig;

        rig_open(&rig, rig_kinds[k], "", NULL);
        for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
            assert_int_equal(send(rig.program, sent, sizes[i], 0), sizes[i]);
            rig_server_read(&rig, got, sizes[i]);
            assert_true(becomes(queued, rig.relay_end, 1));
        }
        rig_close(&rig);
    }
}

/*
 * If the relay is killed in the middle of a session, the program reads what was sent to it, then ECONNRESET.
 */
static void a_killed_relay_is_a_reset(void **state)
{
    int pair[2], tcp[2] = {-1, -1}, ready[2];
    char got[32];
    pid_t child;

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, tcp), 0);
    assert_int_equal(pipe(ready), 0);
    assert_int_equal(send(pair[0], "", 1, 0), 1);
    child = fork();
    if (child == 0) {
        const int room = relay_end_room_of(pair[0]);
        struct relay_end end;
        struct stream server;
        struct buffer greeting = {0};
        const struct pumped what = {.program = &end, .server = &server, .greeting = &greeting};

        close(pair[0]);
        close(tcp[1]);
        stream_over_socket(&server, tcp[0]);
        if (relay_end_open(&end, pair[1], room, 1))
            pump_run(&what);
        _exit(0);
    }
    close(pair[1]);
    close(tcp[0]);
    assert_int_equal(send(tcp[1], "half", 4, 0), 4);
    assert_int_equal(recv(pair[0], got, 2, MSG_WAITALL), 2);
    assert_int_equal(send(pair[0], "command", 7, 0), 7);
    assert_int_equal(recv(tcp[1], got, 7, MSG_WAITALL), 7); /* so the pump has forwarded it */
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    assert_int_equal(recv(pair[0], got, sizeof got, 0), 2);
    assert_int_equal(recv(pair[0], got, sizeof got, 0), -1);
    assert_int_equal(errno, ECONNRESET);
    close(pair[0]);
    close(tcp[1]);
    close(ready[0]);
    close(ready[1]);
}

/* ---- backpressure, and no busy loop ---- */

static bool stays_quiet(const struct rig *rig)
{
    const struct timespec moment = {.tv_nsec = 200000000};
    const long before = rig_pump_time(rig);

    nanosleep(&moment, NULL); /* only elapsed time shows it: a waiting thread uses no CPU */
    return rig_pump_time(rig) - before < 50;
}

/* The pump may still have work to do on a busy machine. A loop that spins never becomes quiet. */
static bool becomes_quiet(const struct rig *rig)
{
    int tries = 100;

    while (!stays_quiet(rig) && tries > 0)
        tries--;
    return tries > 0;
}

static void a_side_that_does_not_read_stops_the_other_side_alone(void **state)
{
    static char block[65536];

    (void)state;
    EACH_KIND(k)
    {
        struct rig rig;
        size_t written = 0;
        struct pollfd writable = {.events = POLLOUT};
        ssize_t n;

        rig_open(&rig, rig_kinds[k], "", NULL);
        writable.fd = rig.program;
        /* The server does not read: the program's writes block in the end, and the pump waits. */
        while (poll(&writable, 1, 200) == 1) {
            n = send(rig.program, block, sizeof block, MSG_DONTWAIT);
            written += n > 0 ? (size_t)n : 0;
            assert_true(written < 64 * 1024 * 1024);
        }
        assert_true(becomes_quiet(&rig));
        /* The other direction still works. */
        rig_server_write(&rig, "alive", 5);
        rig_program_expect(&rig, "alive");
        for (; written > 0; written -= (size_t)n) {
            n = (ssize_t)(written < sizeof block ? written : sizeof block);
            rig_server_read(&rig, block, (size_t)n);
        }
        rig_close(&rig);
    }
}

static void no_state_is_a_busy_loop(void **state)
{
    (void)state;
    EACH_KIND(k)
    {
        struct rig rig;
        char got[16];

        rig_open(&rig, rig_kinds[k], "220 hello\r\n", NULL);
        assert_true(becomes_quiet(&rig)); /* the greeting unread */
        rig_program_expect(&rig, "220 hello\r\n");
        rig_program_write(&rig, "QUIT\r\n");
        rig_server_read(&rig, got, 6);
        assert_true(becomes_quiet(&rig)); /* idle, with the kept byte unread */
        rig_server_write(&rig, "221 bye\r\n", 9);
        rig_end_in_order(&rig);
        rig_program_expect(&rig, "221 bye\r\n");
        assert_int_equal(rig_program_read(&rig, got, 1), 0);
        rig_program_write(&rig, "after the end");
        assert_true(becomes_quiet(&rig)); /* the server has ended, the program has not closed */
        rig_close(&rig);
        rig_open(&rig, rig_kinds[k], "", NULL);
        shutdown(rig.program, SHUT_WR);
        assert_true(becomes_quiet(&rig)); /* half-closed */
        rig_close(&rig);
        rig_open(&rig, rig_kinds[k], "unread", NULL);
        shutdown(rig.program, SHUT_RDWR);
        assert_true(becomes_quiet(&rig)); /* gone, and the server does not end */
        rig_close(&rig);
    }
}

/* ---- F5 ---- */

static void key_updates_and_late_tickets_do_no_harm(void **state)
{
    struct rig rig;
    char got[8];

    (void)state;
    rig_open(&rig, RIG_TLS_1_3, "", NULL);
    for (int i = 0; i < 200; i++) {
        assert_int_equal(SSL_key_update(rig.ssl, SSL_KEY_UPDATE_REQUESTED), 1);
        rig_server_write(&rig, "pi", 2);
        assert_int_equal(SSL_new_session_ticket(rig.ssl), 1);
        rig_server_write(&rig, "ng", 2);
        rig_program_expect(&rig, "ping");
        rig_program_write(&rig, "pong");
        rig_server_read(&rig, got, 4);
        assert_memory_equal(got, "pong", 4);
    }
    rig_close(&rig);
}

static void a_flood_of_key_updates_does_no_harm(void **state)
{
    struct rig rig;
    char got[8];

    (void)state;
    rig_open(&rig, RIG_TLS_1_3, "", NULL);
    for (int i = 0; i < 20000; i++) {
        SSL_key_update(rig.ssl, SSL_KEY_UPDATE_NOT_REQUESTED);
        assert_int_equal(SSL_do_handshake(rig.ssl), 1);
    }
    rig_server_write(&rig, "ping", 4);
    rig_program_expect(&rig, "ping");
    rig_program_write(&rig, "pong");
    rig_server_read(&rig, got, 4);
    rig_close(&rig);
}

static void a_renegotiation_request_does_no_harm(void **state)
{
    struct rig rig;
    char got[8];

    (void)state;
    rig_open(&rig, RIG_TLS_1_2, "", NULL);
    for (int i = 0; i < 3; i++) {
        SSL_renegotiate(rig.ssl); /* sends a HelloRequest with the next write */
        SSL_do_handshake(rig.ssl);
    }
    rig_program_write(&rig, "ping");
    /*
     * On our no_renegotiation alert, the server's OpenSSL either gives up the session or goes on. The program
     * learns which.
     */
    for (;;) {
        size_t n;

        if (SSL_read_ex(rig.ssl, got, sizeof got, &n))
            break;
        if (SSL_get_error(rig.ssl, 0) != SSL_ERROR_WANT_READ)
            break;
    }
    rig_close(&rig);
}

/* ---- E1 ---- */

static void no_tls_inside_tls(void **state)
{
    struct rig rig;
    char got[64];

    (void)state;
    rig_open(&rig, RIG_TLS_1_3, "220 relay\r\n", protocol_by_kind(PROTOCOL_SMTP));
    rig_program_expect(&rig, "220 relay\r\n");
    rig_program_write(&rig, "EHLO x\r\nSTARTTLS\r\nMAIL FROM:<a@x>\r\n");
    rig_server_read(&rig, got, 8);
    assert_memory_equal(got, "EHLO x\r\n", 8);
    rig_server_write(&rig, "250-hello\r\n250 STARTTLS\r\n", 25);
    rig_program_expect(&rig, "250-hello\r\n250 STARTTLS\r\n503 5.5.1 retrotls: TLS is up already\r\n");
    rig_server_read(&rig, got, 17);
    assert_memory_equal(got, "MAIL FROM:<a@x>\r\n", 17);
    rig_server_write(&rig, "250 ok\r\n", 8);
    rig_program_expect(&rig, "250 ok\r\n");
    rig_program_write(&rig, "STARTTLS\r\n"); /* no opening command: it may be a message's text */
    rig_server_read(&rig, got, 10);
    assert_memory_equal(got, "STARTTLS\r\n", 10);
    rig_close(&rig);
}

/* If the program ends its stream after half a command, the half that was held back must not be lost. */
static void a_half_command_arrives_with_the_end(void **state)
{
    struct rig rig;
    char got[8];
    size_t n;

    (void)state;
    rig_open(&rig, RIG_TLS_1_3, "", protocol_by_kind(PROTOCOL_SMTP));
    rig_program_write(&rig, "STAR");
    shutdown(rig.program, SHUT_WR);
    rig_server_read(&rig, got, 4);
    assert_memory_equal(got, "STAR", 4);
    assert_int_equal(SSL_read_ex(rig.ssl, got, 1, &n), 0);
    rig_close(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_byte_arrives_both_ways),
        cmocka_unit_test(the_greeting_comes_first),
        cmocka_unit_test(one_byte_stays_unread),
        cmocka_unit_test(a_killed_relay_is_a_reset),
        cmocka_unit_test(a_side_that_does_not_read_stops_the_other_side_alone),
        cmocka_unit_test(no_state_is_a_busy_loop),
        cmocka_unit_test(key_updates_and_late_tickets_do_no_harm),
        cmocka_unit_test(a_flood_of_key_updates_does_no_harm),
        cmocka_unit_test(a_renegotiation_request_does_no_harm),
        cmocka_unit_test(no_tls_inside_tls),
        cmocka_unit_test(a_half_command_arrives_with_the_end),
    };

    return cmocka_run_group_tests(tests, ignore_sigpipe, NULL);
}
