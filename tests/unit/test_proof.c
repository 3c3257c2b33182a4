/*
 * J1: which of the program's words go to a server inside TLS before it has shown that it speaks the protocol,
 * and what shows it, however the words are cut.
 */
#include "relay/protocol/proof.h"

#include <errno.h>
#include <time.h>

#include "tests/unit/peer.h"

struct talk {
    const char *name;
    const struct protocol *protocol;
    const char *words; /* the program says these, then ends its direction */
    const char *script[STEPS_LIMIT];
    enum proof_end end;
    const char *left; /* the words left for the pump */
    const char *read; /* by the program, or left for the pump to pass on */
    const char *why;
};

#define PROBE "CEHLO [127.0.0.1]"

static const struct talk talks[] = {
    {"SMTP: the program's own EHLO; what stands behind it waits",
     &protocol_smtp,
     "EHLO me\r\nAUTH PLAIN x\r\n",
     {"CEHLO me", "S250-a\r\n250 b\r\n"},
     PROOF_GIVEN,
     "AUTH PLAIN x\r\n",
     "250-a\r\n250 b\r\n",
     ""},
    {"SMTP: EHLO refused, HELO taken",
     &protocol_smtp,
     "ehlo me\r\nHELO me\r\nMAIL FROM:<a>\r\n",
     {"Cehlo me", "S502 no\r\n", "CHELO me", "S250 hi\r\n"},
     PROOF_GIVEN,
     "MAIL FROM:<a>\r\n",
     "502 no\r\n250 hi\r\n",
     ""},
    {"SMTP: NOOP, RSET and HELP show nothing",
     &protocol_smtp,
     "NOOP x\r\nRSET\r\nHELP\r\nAUTH x\r\n",
     {"CNOOP x", "S200 ok\r\n", "CRSET", "S250 ok\r\n", "CHELP", "S214 x\r\n", PROBE, "S500 what\r\n"},
     PROOF_FAILED,
     "AUTH x\r\n",
     "200 ok\r\n250 ok\r\n214 x\r\n",
     "'500 what' to EHLO"},
    {"SMTP: a secret first",
     &protocol_smtp,
     "AUTH PLAIN x\r\n",
     {PROBE, "S250-a\r\n250 b\r\n"},
     PROOF_GIVEN,
     "AUTH PLAIN x\r\n",
     "",
     ""},
    {"SMTP: half a word is enough to tell, half a line to ask",
     &protocol_smtp,
     "AU",
     {PROBE, "S250 b\r\n"},
     PROOF_GIVEN,
     "AU",
     "",
     ""},
    {"SMTP: half an opening at the end is none",
     &protocol_smtp,
     "EHL",
     {PROBE, "S250 b\r\n"},
     PROOF_GIVEN,
     "EHL",
     "",
     ""},
    {"SMTP: an opening with a byte that no line holds",
     &protocol_smtp,
     "EHLO \x01\r\n",
     {PROBE, "S250 b\r\n"},
     PROOF_GIVEN,
     "EHLO \x01\r\n",
     "",
     ""},
    {"SMTP: an argument where none is due",
     &protocol_smtp,
     "RSET x\r\n",
     {PROBE, "S250 b\r\n"},
     PROOF_GIVEN,
     "RSET x\r\n",
     "",
     ""},
    {"SMTP: nothing said, nothing asked", &protocol_smtp, "", {NULL}, PROOF_GIVEN, "", "", ""},
    {"SMTP: HTTP answers",
     &protocol_smtp,
     "EHLO me\r\nAUTH x\r\n",
     {"CEHLO me", "SHTTP/1.1 400 Bad Request\r\n\r\n"},
     PROOF_FAILED,
     "AUTH x\r\n",
     "",
     "'HTTP/1.1 400 Bad Request' to EHLO me"},
    {"SMTP: HTTP of before there were headers",
     &protocol_smtp,
     "EHLO me\r\n",
     {"CEHLO me", "S<!DOCTYPE HTML>\n<html>\n"},
     PROOF_FAILED,
     "",
     "",
     "'<!DOCTYPE HTML>' to"},
    {"SMTP: another greeting",
     &protocol_smtp,
     "EHLO me\r\n",
     {"CEHLO me", "S220 ftp\r\n"},
     PROOF_FAILED,
     "",
     "",
     "'220 ftp'"},
    {"SMTP: the program asks for TLS itself",
     &protocol_smtp,
     "STARTTLS\r\nEHLO x\r\n",
     {"CEHLO x", "S250 x\r\n"},
     PROOF_GIVEN,
     "",
     "503 5.5.1 retrotls: TLS is up already\r\n250 x\r\n",
     ""},
    {"SMTP: the server ends in the midst of its reply",
     &protocol_smtp,
     "EHLO x\r\nAUTH\r\n",
     {"CEHLO x", "S250-x\r\n25", "X"},
     PROOF_ENDED,
     "AUTH\r\n",
     "250-x\r\n25",
     ""},
    {"LMTP: LHLO alone",
     &protocol_lmtp,
     "LHLO me\r\nEHLO me\r\n",
     {"CLHLO me", "S250 x\r\n"},
     PROOF_GIVEN,
     "EHLO me\r\n",
     "250 x\r\n",
     ""},
    {"LMTP: SMTP answers",
     &protocol_lmtp,
     "MAIL FROM:<a>\r\n",
     {"CLHLO [127.0.0.1]", "S500 what\r\n"},
     PROOF_FAILED,
     "MAIL FROM:<a>\r\n",
     "",
     "does not speak lmtp"},
    {"IMAP: the list, and behind untagged lines",
     &protocol_imap,
     "a1 Capability\r\na2 LOGIN x y\r\n",
     {"Ca1 Capability", "S* 3 EXISTS\r\n* CAPABILITY IMAP4rev1\r\na1 OK\r\n"},
     PROOF_GIVEN,
     "a2 LOGIN x y\r\n",
     "* 3 EXISTS\r\n* CAPABILITY IMAP4rev1\r\na1 OK\r\n",
     ""},
    {"IMAP: a secret first",
     &protocol_imap,
     "a1 LOGIN x y\r\n",
     {"C%t CAPABILITY", "S* CAPABILITY IMAP4\r\n%t OK\r\n"},
     PROOF_GIVEN,
     "a1 LOGIN x y\r\n",
     "",
     ""},
    {"IMAP: no list",
     &protocol_imap,
     "a1 LOGIN x y\r\n",
     {"C%t CAPABILITY", "S%t OK\r\n"},
     PROOF_FAILED,
     "a1 LOGIN x y\r\n",
     "",
     "does not speak imap"},
    {"IMAP: NOOP refused",
     &protocol_imap,
     "a1 NOOP\r\na2 LOGIN x y\r\n",
     {"Ca1 NOOP", "Sa1 BAD no\r\n", "C%t CAPABILITY", "S%t NO\r\n"},
     PROOF_FAILED,
     "a2 LOGIN x y\r\n",
     "a1 BAD no\r\n",
     "does not speak imap"},
    {"IMAP: ID with a literal, which may hold anything",
     &protocol_imap,
     "a1 ID (\"x\" {3}\r\n",
     {"C%t CAPABILITY", "S* CAPABILITY X\r\n%t OK\r\n"},
     PROOF_GIVEN,
     "a1 ID (\"x\" {3}\r\n",
     "",
     ""},
    {"IMAP: another tag",
     &protocol_imap,
     "a1 NOOP\r\n",
     {"Ca1 NOOP", "Sa2 OK\r\n"},
     PROOF_FAILED,
     "",
     "",
     "'a2 OK'"},
    {"POP3: CAPA",
     &protocol_pop3,
     "CAPA\r\nUSER x\r\n",
     {"CCAPA", "S+OK\r\nUSER\r\n.\r\n"},
     PROOF_GIVEN,
     "USER x\r\n",
     "+OK\r\nUSER\r\n.\r\n",
     ""},
    {"POP3: +OK without a list",
     &protocol_pop3,
     "USER x\r\n",
     {"CCAPA", "S+OK\r\n+OK\r\n"},
     PROOF_FAILED,
     "USER x\r\n",
     "",
     "does not speak pop3"},
    {"POP3: a refusal is no proof",
     &protocol_pop3,
     "USER x\r\n",
     {"CCAPA", "S-ERR what\r\n"},
     PROOF_FAILED,
     "USER x\r\n",
     "",
     "'-ERR what' to CAPA"},
    {"POP3: CAPAX is another command",
     &protocol_pop3,
     "CAPAX\r\n",
     {"CCAPA", "S+OK\r\n.\r\n"},
     PROOF_GIVEN,
     "CAPAX\r\n",
     "",
     ""},
    {"NNTP: MODE READER",
     &protocol_nntp,
     "MODE READER\r\nAUTHINFO USER x\r\n",
     {"CMODE READER", "S201 hi\r\n"},
     PROOF_GIVEN,
     "AUTHINFO USER x\r\n",
     "201 hi\r\n",
     ""},
    {"NNTP: the time",
     &protocol_nntp,
     "DATE\r\n",
     {"CDATE", "S111 20261129153000\r\n"},
     PROOF_GIVEN,
     "",
     "111 20261129153000\r\n",
     ""},
    {"NNTP: MODE READER in FTP, then a secret",
     &protocol_nntp,
     "MODE READER\r\nAUTHINFO USER x\r\n",
     {"CMODE READER", "S504 bad MODE\r\n", "CCAPABILITIES", "S500 what\r\n"},
     PROOF_FAILED,
     "AUTHINFO USER x\r\n",
     "504 bad MODE\r\n",
     "does not speak nntp"},
    {"NNTP: a list without a version",
     &protocol_nntp,
     "AUTHINFO USER x\r\n",
     {"CCAPABILITIES", "S101 x\r\nREADER\r\n.\r\n"},
     PROOF_FAILED,
     "AUTHINFO USER x\r\n",
     "",
     "does not speak nntp"},
    {"NNTP: a secret first",
     &protocol_nntp,
     "AUTHINFO USER x\r\n",
     {"CCAPABILITIES", "S101 x\r\nVERSION 2\r\n.\r\n"},
     PROOF_GIVEN,
     "AUTHINFO USER x\r\n",
     "",
     ""},
};

struct program {
    int fd;
    const char *words;
    size_t piece;
};

static void *speak(void *argument)
{
    const struct program *p = argument;

    for (size_t at = 0; p->words[at];) {
        const size_t left = strlen(p->words + at), part = left < p->piece ? left : p->piece;

        assert_int_equal(send(p->fd, p->words + at, part, 0), part);
        at += part;
    }
    shutdown(p->fd, SHUT_WR);
    return NULL;
}

static void play(const struct talk *t, size_t piece)
{
    _Atomic bool asks_first = false;
    const struct local_address local = peer_loopback();
    struct transport transport;
    struct buffer unsent = {.bytes = NULL}, said = {.bytes = NULL};
    struct plain plain = {
        .transport = &transport, .program = -1, .server = "mail.example.org", .kept = &unsent};
    _Atomic uint64_t up = 0, down = 0;
    struct failure why = {.kind = FAILURE_NONE};
    struct program program = {.words = t->words, .piece = piece};
    pthread_t server_thread, program_thread;
    struct peer peer;
    struct starttls_watch watch;
    struct relay_end end;
    int pair[2], room, client;
    char read[512];
    size_t length;
    enum proof_end came_to;

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    assert_int_equal(send(pair[0], "", 1, 0), 1);
    room = relay_end_room_of(pair[0]);
    assert_true(room >= 0 && relay_end_open(&end, pair[1], room, 1));
    program.fd = pair[0];
    peer_start(&peer, &server_thread, t->script, piece == 1, &client);
    transport_over_socket(&transport, client);
    starttls_watch_begin(&watch, t->protocol);
    assert_int_equal(pthread_create(&program_thread, NULL, speak, &program), 0);
    struct proof proof = {.server = &plain,
                          .program = &end,
                          .protocol = t->protocol,
                          .local = &local,
                          .watch = &watch,
                          .patience = 30000,
                          .asks_first = &asks_first,
                          .up = &up,
                          .down = &down,
                          .unsent = &unsent,
                          .said = &said};
    came_to = proof_run(&proof, &why);
    pthread_join(program_thread, NULL);
    close(client);
    pthread_join(server_thread, NULL);
    length = 0;
    for (ssize_t n; (n = recv(pair[0], read + length, sizeof read - length, MSG_DONTWAIT)) > 0;)
        length += (size_t)n;
    memcpy(read + length, buffer_used(&unsent) > 0 ? unsent.bytes + unsent.begin : (uint8_t *)"",
           buffer_used(&unsent));
    length += buffer_used(&unsent);
    /* The pump reads what the program had not said yet when the proof came. */
    for (ssize_t n; buffer_used(&said) < strlen(t->left);) {
        char more[64];

        n = relay_end_read(&end, more, sizeof more);
        assert_true(n > 0 && buffer_append(&said, more, (size_t)n));
    }
    if (came_to != t->end || length != strlen(t->read) || memcmp(read, t->read, length) != 0 ||
        buffer_used(&said) != strlen(t->left) || !strstr(why.text, t->why) ||
        (t->why[0] == '\0') != (why.text[0] == '\0') || peer.wrong[0] || peer.more_length > 0)
        fail_msg("%s, in pieces of %zu: %d, read '%.*s', %zu left, why '%s', to the server wrongly '%s' and "
                 "'%.*s'",
                 t->name, piece, came_to, (int)length, read, buffer_used(&said), why.text, peer.wrong,
                 (int)peer.more_length, peer.more);
    if (t->left[0])
        assert_memory_equal(said.bytes + said.begin, t->left, strlen(t->left));
    buffer_drop(&unsent);
    buffer_drop(&said);
    close(pair[0]);
    close(pair[1]);
    close(room);
}

static void nothing_secret_is_said_before_the_proof(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof talks / sizeof talks[0]; i++) {
        for (size_t piece = 1; piece < 40; piece += piece < 4 ? 1 : 9)
            play(&talks[i], piece);
        play(&talks[i], 1000);
    }
}

/*
 * An overloaded machine: all of the time for a read passes between setting it and the read itself. TLS then
 * looks at the clock, not at the socket (tls_bio.c).
 */
struct overtaken {
    struct transport transport, *real;
    const int64_t *deadline;
    int times; /* how often this happens */
};

static ssize_t overtaken_read(struct transport *t, void *buffer, size_t size)
{
    struct overtaken *const o = (struct overtaken *)t;
    const struct timespec millisecond = {.tv_nsec = 1000000};

    if (o->times == 0)
        return o->real->read(o->real, buffer, size);
    o->times--;
    while (plain_now() < *o->deadline)
        nanosleep(&millisecond, NULL);
    errno = EAGAIN;
    return -1;
}

/* The server's words and its end are reported only once: the session must not wait for them for ever. */
static void a_slow_machine_misses_nothing(void **state)
{
    static const char words[] = "250 unasked\r\n";
    const struct local_address local = peer_loopback();
    struct buffer unsent = {.bytes = NULL}, said = {.bytes = NULL};
    struct plain plain = {.program = -1, .server = "mail.example.org", .kept = NULL};
    _Atomic bool asks_first = false;
    _Atomic uint64_t up = 0, down = 0;
    struct failure why = {.kind = FAILURE_NONE};
    struct transport real;
    struct overtaken slow = {.real = &real, .deadline = &plain.deadline};
    struct starttls_watch watch;
    struct relay_end end;
    int pair[2], server[2], room;
    char read[64];

    (void)state;
    for (int times = 1; times < 4; times++) {
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, server), 0);
        assert_int_equal(send(pair[0], "", 1, 0), 1);
        room = relay_end_room_of(pair[0]);
        assert_true(room >= 0 && relay_end_open(&end, pair[1], room, 1));
        transport_over_socket(&real, server[0]);
        slow.transport = (struct transport){.read = overtaken_read, .descriptor = server[0]};
        slow.times = times;
        plain.transport = &slow.transport;
        starttls_watch_begin(&watch, &protocol_smtp);
        assert_int_equal(send(server[1], words, strlen(words), 0), strlen(words));
        close(server[1]);
        struct proof proof = {.server = &plain,
                              .program = &end,
                              .protocol = &protocol_smtp,
                              .local = &local,
                              .watch = &watch,
                              .patience = 30000,
                              .asks_first = &asks_first,
                              .up = &up,
                              .down = &down,
                              .unsent = &unsent,
                              .said = &said};
        alarm(20); /* ends the test if it hangs */
        assert_int_equal(proof_run(&proof, &why), PROOF_ENDED);
        alarm(0);
        assert_int_equal(recv(pair[0], read, sizeof read, MSG_DONTWAIT), strlen(words));
        assert_memory_equal(read, words, strlen(words));
        buffer_drop(&unsent);
        buffer_drop(&said);
        close(pair[0]);
        close(pair[1]);
        close(server[0]);
        close(room);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_secret_is_said_before_the_proof),
        cmocka_unit_test(a_slow_machine_misses_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
