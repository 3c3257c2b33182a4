/* Which protocol it is, that nothing is lost if it is none, and how long a server may take. */
#include "tests/unit/peer.h"

static const struct settings secure = {.level = LEVEL_SECURE, .timeout = 30, .greeting_timeout = 30};
static const struct settings may = {.level = LEVEL_MAY, .timeout = 30, .greeting_timeout = 30};

static void the_table(void **state)
{
    (void)state;
    assert_null(protocol_by_kind(PROTOCOL_AUTO));
    assert_null(protocol_by_kind(PROTOCOL_KINDS));
    for (enum protocol_kind kind = PROTOCOL_SMTP; kind < PROTOCOL_KINDS; kind++) {
        const struct protocol *p = protocol_by_kind(kind);

        assert_int_equal(p->kind, kind);
        assert_int_equal(p->kind, kind);
        assert_true((p->greet == NULL) != (p->greet_over_tls == NULL));
        assert_ptr_equal(protocol_by_port(protocol_ports(p->kind)[0]), p);
    }
    assert_ptr_equal(protocol_by_port(587), &protocol_smtp);
    assert_null(protocol_by_port(0));
    assert_null(protocol_by_port(2525));
    assert_null(protocol_by_port(993));
}

/* A setting names the protocol; else a known port does; else the greeting decides. */
static void what_names_the_protocol(void **state)
{
    static const char *const smtp[] = {"S220-x ESMTP\r\n220 y\r\n",
                                       "CEHLO [127.0.0.1]",
                                       "S250-x\r\n250 STARTTLS\r\n",
                                       "CSTARTTLS",
                                       "S220 go\r\n",
                                       NULL};
    static const char *const lmtp[] = {"S220 x ESMTP\r\n", "CLHLO [127.0.0.1]", "S500 no\r\n", NULL};
    const struct local_address local = peer_loopback();
    struct settings named = secure;
    struct result r;

    (void)state;
    for (int bytewise = 0; bytewise < 2; bytewise++) {
        negotiate_with(&r, &secure, 2525, bytewise, &local, smtp);
        assert_int_equal(r.outcome, READY);
        assert_ptr_equal(r.protocol, &protocol_smtp);
        assert_string_equal(r.greeting.raw, "220-x ESMTP\r\n220 y\r\n");
        assert_int_equal(r.greeting.raw_length, 20);
        assert_string_equal(r.greeting.host, "x");
    }
    negotiate_with(&r, &secure, 24, false, &local, lmtp);
    assert_int_equal(r.outcome, NOT_OFFERED);
    assert_ptr_equal(r.protocol, &protocol_lmtp);
    named.protocol = PROTOCOL_LMTP;
    negotiate_with(&r, &named, 25, false, &local, lmtp);
    assert_ptr_equal(r.protocol, &protocol_lmtp);
}

static void every_greeting_is_recognised(void **state)
{
    static const struct {
        enum protocol_kind kind;
        const char *script[STEPS_LIMIT];
    } cases[] = {
        {PROTOCOL_SMTP, {"S220 x ESMTP\r\n", "CEHLO [127.0.0.1]", "S500\r\n"}},
        {PROTOCOL_LMTP, {"S220 x LMTP\r\n", "CLHLO [127.0.0.1]", "S500\r\n"}},
        {PROTOCOL_IMAP, {"S* OK\r\n", "C%t CAPABILITY", "S%t BAD\r\n"}},
        {PROTOCOL_POP3, {"S+OK\r\n", "CCAPA", "S-ERR\r\n"}},
        {PROTOCOL_NNTP, {"S200 x\r\n", "CCAPABILITIES", "S500\r\n"}},
        {PROTOCOL_SIEVE, {"S\"SIEVE\" {2}\r\nab\r\nOK\r\n"}},
    };
    const struct local_address local = peer_loopback();

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (int bytewise = 0; bytewise < 2; bytewise++) {
            const size_t length = strlen(cases[i].script[0] + 1);
            struct result r;

            negotiate_with(&r, &may, 4711, bytewise, &local, cases[i].script);
            assert_int_equal(r.outcome, NOT_OFFERED);
            assert_int_equal(r.protocol->kind, cases[i].kind);
            assert_string_equal(r.peer.wrong, "");
            assert_int_equal(r.greeting.raw_length, length);
            assert_memory_equal(r.greeting.raw, cases[i].script[0] + 1, length);
        }
    }
}

/* A greeting that starts well and turns bad is a failure of this protocol, not plaintext. */
static void a_greeting_that_turns_bad(void **state)
{
    static const struct {
        const char *script[3];
        enum failure_kind kind;
    } cases[] = {
        {{"S220-x ESMTP\r\n221 y\r\n"}, FAILURE_MALFORMED},
        {{"S220 x ESMTP\n"}, FAILURE_BYTE},
        {{"S220 x ESMTP%0\r\n"}, FAILURE_BYTE},
        {{"S* OK\r\n* OK\r\n"}, FAILURE_EARLY_BYTES},
        {{"S* BYE no\r\n"}, FAILURE_SERVICE_REFUSED},
        {{"S-ERR no\r\n"}, FAILURE_SERVICE_REFUSED},
        {{"S421 x SMTP no\r\n"}, FAILURE_SERVICE_REFUSED},
        {{"S\"SIEVE\" \"x\r\n"}, FAILURE_MALFORMED},
    };
    const struct local_address local = peer_loopback();

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct result r;

        negotiate_with(&r, &may, 4711, false, &local, cases[i].script);
        assert_int_equal(r.outcome, FAILED);
        assert_int_equal(r.why.kind, cases[i].kind);
    }
}

/* What we read from a server that is no mail server is kept: it belongs to the program. */
static void nothing_is_lost_of_another_protocol(void **state)
{
    static const struct {
        const char *script[3];
        size_t kept; /* bytes read before we knew; the rest is still in the socket */
    } cases[] = {
        {{"SSSH-2.0-OpenSSH_9.2\r\n"}, 21},
        {{"S220 ProFTPD ready\r\n220 more\r\n"}, 19},
        {{"S\x4a%0%0%0\x0a"
          "8.0.36%0"},
         5},
        {{"S220 x ES", "X"}, 8},
        {{"SRFB 003.008\nx"}, 12},
        {{"S-BAD\r\n"}, 6},
        {{"X"}, 0},
        {{"S220\r\n"}, 5},
        {{"S%9%9%9%9%9%9%9%9%9%9%9%9%9%9%9%9%9%9%9%9%9%9%9%9%9%9%9%9%9%9%9%9%9%9%9%9%9%9%9%9%9%9%9%9%9%9%9%9%"
          "9%9"},
         RAW_GREETING_LIMIT - 1},
        {{"S220 "
          "%9%9%9%9%9%9%9%9%9%9%9%9%9%9%9%9%9%9%9%9%9%9%9%9%9%9%9%9%9%9%9%9%9%9%9%9%9%9%9%9%9%9%9%9%9%9%9%9%"
          "9%9"},
         RAW_GREETING_LIMIT - 1},
    };
    const struct local_address local = peer_loopback();

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char sent[16384];
        struct result r;

        negotiate_with(&r, &may, 4711, false, &local, cases[i].script);
        assert_int_equal(r.outcome, NOT_OFFERED);
        assert_null(r.protocol);
        assert_int_equal(r.why.kind, FAILURE_NO_MAIL);
        assert_int_equal(r.greeting.raw_length, cases[i].kept);
        peer_expand(&r.peer, cases[i].script[0] + 1, sent, sizeof sent);
        assert_memory_equal(r.greeting.raw, sent, cases[i].kept);
        assert_int_equal(r.peer.more_length, 0);
    }
}

/* The program's pair: [0] is its own end, [1] the relay's, with the kept byte in it. */
static void open_program(int pair[2])
{
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    assert_int_equal(send(pair[0], "", KEPT_BYTES, 0), KEPT_BYTES);
}

/*
 * A protocol whose client speaks first, at a level that allows plaintext: the program must not wait for a
 * greeting for ever.
 */
static void a_program_that_speaks_first_goes_on_in_plaintext(void **state)
{
    const struct local_address local = peer_loopback();
    const struct settings patient = {.level = LEVEL_MAY, .timeout = 600, .greeting_timeout = 600};
    struct settings testing = patient;
    struct result r;
    int pair[2];

    (void)state;
    testing.level = LEVEL_SECURE;
    testing.testing = true;
    open_program(pair);
    assert_int_equal(send(pair[0], "GET / HTTP/1.0\r\n\r\n", 18, 0), 18);
    negotiate_for(pair[1], &r, &testing, 4711, false, &local, (const char *[]){NULL});
    assert_int_equal(r.outcome, NOT_OFFERED);
    assert_null(r.protocol);
    assert_int_equal(r.why.kind, FAILURE_NO_MAIL);
    close(pair[0]);
    close(pair[1]);
}

/* If TLS is required or the protocol is known, early bytes are held until the server has greeted. */
static void a_silent_server_has_the_whole_greeting_timeout(void **state)
{
    const struct local_address local = peer_loopback();
    const struct settings brief = {.level = LEVEL_SECURE, .timeout = 600, .greeting_timeout = 1};
    int64_t start = plain_now();
    struct result r;
    int pair[2];

    (void)state;
    open_program(pair);
    assert_int_equal(send(pair[0], "EHLO x\r\n", 8, 0), 8);
    negotiate_for(pair[1], &r, &brief, 4711, false, &local, (const char *[]){NULL});
    assert_int_equal(r.outcome, NOT_OFFERED);
    assert_int_equal(r.why.kind, FAILURE_NO_MAIL);
    assert_true(plain_now() - start >= 1000);
    start = plain_now();
    negotiate_for(pair[1], &r, &brief, 25, false, &local, (const char *[]){NULL});
    assert_int_equal(r.outcome, FAILED);
    assert_int_equal(r.why.kind, FAILURE_TIMEOUT);
    assert_true(plain_now() - start >= 1000);
    close(pair[0]);
    close(pair[1]);
}

/* The greeting may take its time. The rest has its own deadline. */
static void the_rest_has_its_own_timeout(void **state)
{
    const struct local_address local = peer_loopback();
    const struct settings brief = {.level = LEVEL_SECURE, .timeout = 1, .greeting_timeout = 600};
    const int64_t start = plain_now();
    struct result r;

    (void)state;
    negotiate_with(&r, &brief, 110, false, &local, (const char *[]){"S+OK\r\n", "CCAPA", NULL});
    assert_int_equal(r.outcome, FAILED);
    assert_int_equal(r.why.kind, FAILURE_TIMEOUT);
    assert_true(plain_now() - start >= 1000);
}

static void a_program_that_goes_away_ends_the_wait(void **state)
{
    const struct local_address local = peer_loopback();
    const struct settings patient = {.level = LEVEL_MAY, .timeout = 600, .greeting_timeout = 600};
    struct result r;
    int pair[2];

    (void)state;
    open_program(pair);
    close(pair[0]);
    for (uint16_t port = 25; port < 5000; port = (uint16_t)(port + 4000)) { /* known, unknown */
        negotiate_for(pair[1], &r, &patient, port, false, &local, (const char *[]){NULL});
        assert_int_equal(r.outcome, FAILED);
        assert_int_equal(r.why.kind, FAILURE_PROGRAM_GONE);
    }
    close(pair[1]);
}

/*
 * F1, for each protocol: a silent or dripping server before the greeting, after it, and after the request for
 * TLS.
 */
static void deadlines(void **state)
{
    static const struct {
        enum protocol_kind kind;
        const char *script[STEPS_LIMIT];
    } cases[] = {
        {PROTOCOL_SMTP, {NULL}},
        {PROTOCOL_SMTP, {"D220-x"}},
        {PROTOCOL_SMTP, {"S220-x\r\n"}},
        {PROTOCOL_SMTP, {"S220 x\r\n"}},
        {PROTOCOL_SMTP, {"S220 x\r\n", "CEHLO [127.0.0.1]", "D250-x\r\n"}},
        {PROTOCOL_SMTP, {"S220 x\r\n", "CEHLO [127.0.0.1]", "S250-x\r\n250 STARTTLS\r\n", "CSTARTTLS"}},
        {PROTOCOL_SMTP,
         {"S220 x\r\n", "CEHLO [127.0.0.1]", "S250-x\r\n250 STARTTLS\r\n", "CSTARTTLS", "S220-x\r\n"}},
        {PROTOCOL_LMTP, {"S220 x\r\n", "CLHLO [127.0.0.1]", "S250-x\r\n"}},
        {PROTOCOL_IMAP, {"S* O"}},
        {PROTOCOL_IMAP, {"S* OK\r\n", "C%t CAPABILITY", "D* 1 EXISTS\r\n"}},
        {PROTOCOL_IMAP,
         {"S* OK\r\n", "C%t CAPABILITY", "S* CAPABILITY STARTTLS\r\n%t OK\r\n", "C%t STARTTLS", "S* OK\r\n"}},
        {PROTOCOL_POP3, {"S+"}},
        {PROTOCOL_POP3, {"S+OK\r\n", "CCAPA", "S+OK\r\n", "DSTLS\r\n"}},
        {PROTOCOL_POP3, {"S+OK\r\n", "CCAPA", "S+OK\r\nSTLS\r\n.\r\n", "CSTLS", "S+OK"}},
        {PROTOCOL_NNTP, {"S20"}},
        {PROTOCOL_NNTP, {"S200\r\n", "CCAPABILITIES", "S101\r\n"}},
        {PROTOCOL_NNTP, {"S200\r\n", "CCAPABILITIES", "S101\r\nSTARTTLS\r\n.\r\n", "CSTARTTLS", "S38"}},
        {PROTOCOL_SIEVE, {"S\"SIEVE\" {5}\r\nabc"}},
        {PROTOCOL_SIEVE, {"S\"STARTTLS\"\r\nOK\r\n", "CSTARTTLS", "SOK {5}\r\n"}},
    };
    const struct local_address local = peer_loopback();

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct protocol *p = protocol_by_kind(cases[i].kind);
        struct transport transport;
        struct plain plain = {.transport = &transport, .program = -1, .server = "mail.example.org"};
        struct greeting g = {.raw_length = 0};
        struct failure why = {.kind = FAILURE_NONE};
        struct peer peer;
        pthread_t thread;
        int client;

        peer_start(&peer, &thread, cases[i].script, false, &client);
        transport_over_socket(&transport, client);
        plain.deadline = plain_now() + 100;
        if (p->greeting(&plain, &g, &why) == READY)
            assert_int_equal(p->upgrade(&plain, &local, &g, &why), FAILED);
        assert_int_equal(why.kind, FAILURE_TIMEOUT);
        close(client);
        pthread_join(thread, NULL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table),
        cmocka_unit_test(what_names_the_protocol),
        cmocka_unit_test(every_greeting_is_recognised),
        cmocka_unit_test(a_greeting_that_turns_bad),
        cmocka_unit_test(nothing_is_lost_of_another_protocol),
        cmocka_unit_test(a_program_that_speaks_first_goes_on_in_plaintext),
        cmocka_unit_test(a_silent_server_has_the_whole_greeting_timeout),
        cmocka_unit_test(the_rest_has_its_own_timeout),
        cmocka_unit_test(a_program_that_goes_away_ends_the_wait),
        cmocka_unit_test(deadlines),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
