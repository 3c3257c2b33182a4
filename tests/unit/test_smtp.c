/* SMTP and LMTP before TLS: what is an offer, what is a refusal, and what is neither. */
#include "tests/unit/peer.h"

#define GREETED "S220 mail.example.org ESMTP\r\n"
#define HELLO GREETED, "CEHLO [127.0.0.1]"
#define OFFER "S250-mail.example.org\r\n250-SIZE 1000\r\n250 STARTTLS\r\n"
#define ASKED HELLO, OFFER, "CSTARTTLS"

static const struct dialogue dialogues[] = {
    {"the dialogue of RFC 3207", READY, 0, {ASKED, "S220 2.0.0 go ahead\r\n"}, NULL},
    {"greeting and replies of many lines",
     READY,
     0,
     {"S220-mail.example.org ESMTP\r\n220-no spam\r\n220 please\r\n", "CEHLO [127.0.0.1]",
      "S250-x\r\n250-STARTTLS\r\n250-AUTH PLAIN\r\n250\r\n", "CSTARTTLS", "S220-go\r\n220 ahead\r\n"},
     NULL},
    {"codes with no text", READY, 0, {"S220\r\n", "CEHLO [127.0.0.1]", OFFER, "CSTARTTLS", "S220\r\n"}, NULL},
    {"A4: lower case is an offer",
     READY,
     0,
     {HELLO, "S250-x\r\n250 starttls\r\n", "CSTARTTLS", "S220 go\r\n"},
     NULL},
    {"A4: a keyword with a parameter is one",
     READY,
     0,
     {HELLO, "S250-x\r\n250 STARTTLS REQUIRED\r\n", "CSTARTTLS", "S220 go\r\n"},
     NULL},

    {"A1: no offer", NOT_OFFERED, FAILURE_NOT_OFFERED, {HELLO, "S250-x\r\n250 SIZE\r\n"}, "lack STARTTLS"},
    {"A1: a reply of one line", NOT_OFFERED, FAILURE_NOT_OFFERED, {HELLO, "S250 x\r\n"}, NULL},
    {"A2: EHLO 500",
     NOT_OFFERED,
     FAILURE_CAPABILITIES_REFUSED,
     {HELLO, "S500 5.5.1 what?\r\n"},
     "it said '500 5.5.1 what?' to EHLO"},
    {"A2: EHLO 502", NOT_OFFERED, FAILURE_CAPABILITIES_REFUSED, {HELLO, "S502-no\r\n502 never\r\n"}, NULL},
    {"A2: EHLO 504", NOT_OFFERED, FAILURE_CAPABILITIES_REFUSED, {HELLO, "S504 no\r\n"}, NULL},
    {"A2: EHLO 550", NOT_OFFERED, FAILURE_CAPABILITIES_REFUSED, {HELLO, "S550 no\r\n"}, NULL},
    {"A3: 454",
     NOT_OFFERED,
     FAILURE_REFUSED,
     {ASKED, "S454 not now\r\n"},
     "it said '454 not now' to STARTTLS"},
    {"A3: 501", NOT_OFFERED, FAILURE_REFUSED, {ASKED, "S501 no\r\n"}, NULL},
    {"A3: 502", NOT_OFFERED, FAILURE_REFUSED, {ASKED, "S502-no\r\n502 no\r\n"}, NULL},
    {"A3: 503", NOT_OFFERED, FAILURE_REFUSED, {ASKED, "S503 no\r\n"}, NULL},
    {"A3: 530", NOT_OFFERED, FAILURE_REFUSED, {ASKED, "S530 log in first\r\n"}, NULL},
    {"A4: XSTARTTLS", NOT_OFFERED, FAILURE_NOT_OFFERED, {HELLO, "S250-x\r\n250 XSTARTTLS\r\n"}, NULL},
    {"A4: STARTTLSX", NOT_OFFERED, FAILURE_NOT_OFFERED, {HELLO, "S250-x\r\n250 STARTTLSX\r\n"}, NULL},
    {"A4: a parameter", NOT_OFFERED, FAILURE_NOT_OFFERED, {HELLO, "S250-x\r\n250 AUTH STARTTLS\r\n"}, NULL},
    {"A4: the first line alone",
     NOT_OFFERED,
     FAILURE_NOT_OFFERED,
     {HELLO, "S250-STARTTLS\r\n250 SIZE\r\n"},
     NULL},
    {"A4: the only line", NOT_OFFERED, FAILURE_NOT_OFFERED, {HELLO, "S250 STARTTLS\r\n"}, NULL},

    {"B1: 221", FAILED, FAILURE_UNEXPECTED, {ASKED, "S221 bye\r\n"}, "it said '221 bye' to STARTTLS"},
    {"B1: 250", FAILED, FAILURE_UNEXPECTED, {ASKED, "S250 ok\r\n"}, NULL},
    {"B1: 354", FAILED, FAILURE_UNEXPECTED, {ASKED, "S354 go on\r\n"}, NULL},
    {"B1: 421", FAILED, FAILURE_UNEXPECTED, {ASKED, "S421 bye\r\n"}, NULL},
    {"B1: 554", FAILED, FAILURE_UNEXPECTED, {ASKED, "S554 no\r\n"}, NULL},
    {"B1: 120", FAILED, FAILURE_MALFORMED, {ASKED, "S120 wait\r\n"}, NULL},
    {"B1: 22", FAILED, FAILURE_MALFORMED, {ASKED, "S22\r\n"}, NULL},
    {"B1: 2200", FAILED, FAILURE_MALFORMED, {ASKED, "S2200 go\r\n"}, NULL},
    {"B1: 220 behind a space", FAILED, FAILURE_MALFORMED, {ASKED, "S 220 go\r\n"}, NULL},
    {"B1: an empty line", FAILED, FAILURE_MALFORMED, {ASKED, "S\r\n"}, NULL},
    {"B1: words", FAILED, FAILURE_MALFORMED, {ASKED, "Sgo ahead\r\n"}, NULL},
    {"B1: 354 to EHLO", FAILED, FAILURE_UNEXPECTED, {HELLO, "S354 x\r\n"}, NULL},
    {"B1: 421 to EHLO", FAILED, FAILURE_UNEXPECTED, {HELLO, "S421 x\r\n"}, NULL},

    {"B2: the reply before the question",
     FAILED,
     FAILURE_EARLY_BYTES,
     {HELLO, "S250-x\r\n250 STARTTLS\r\n220 go ahead\r\n"},
     "before STARTTLS was sent"},
    {"B2: its first byte before the question",
     FAILED,
     FAILURE_EARLY_BYTES,
     {HELLO, "S250-x\r\n250 STARTTLS\r\n2"},
     NULL},
    {"C1: bytes behind the reply",
     FAILED,
     FAILURE_LATE_BYTES,
     {ASKED, "S220 go ahead\r\n250-x\r\n250 AUTH PLAIN\r\n"},
     "after its answer to STARTTLS"},
    {"C1: a fragment behind the reply", FAILED, FAILURE_LATE_BYTES, {ASKED, "S220 go ahead\r\nx"}, NULL},
    {"C2: a success behind a refusal",
     FAILED,
     FAILURE_LATE_BYTES,
     {ASKED, "S454 no\r\n220 go ahead\r\n"},
     NULL},
    {"C2: bytes behind no offer", FAILED, FAILURE_LATE_BYTES, {HELLO, "S250 x\r\n220 go ahead\r\n"}, NULL},
    {"C2: bytes behind EHLO's refusal",
     FAILED,
     FAILURE_LATE_BYTES,
     {HELLO, "S502 x\r\n220 go ahead\r\n"},
     NULL},

    {"D3: 421", FAILED, FAILURE_SERVICE_REFUSED, {"S421 mail.example.org too busy\r\n"}, "it said '421 mail"},
    {"D3: 554", FAILED, FAILURE_SERVICE_REFUSED, {"S554-no\r\n554 never\r\n"}, NULL},
    {"D3: garbage", FAILED, FAILURE_MALFORMED, {"S\x7f\x45LF garbage\r\n"}, "'?ELF garbage'"},
    {"D3: IMAP's greeting", FAILED, FAILURE_MALFORMED, {"S* OK hello\r\n"}, NULL},
    {"D3: two greetings", FAILED, FAILURE_EARLY_BYTES, {"S220 x\r\n220 again\r\n"}, NULL},
    {"D3: closes", FAILED, FAILURE_CLOSED, {"X"}, NULL},
    {"D3: closes within its greeting", FAILED, FAILURE_CLOSED, {"S220-x\r\n220 ", "X"}, NULL},
    {"closes when asked", FAILED, FAILURE_CLOSED, {HELLO, "X"}, NULL},
    {"closes when asked for TLS", FAILED, FAILURE_CLOSED, {ASKED, "X"}, NULL},

    {"F2: endless 220-", FAILED, FAILURE_LINES_LIMIT, {"E220-x\r\n"}, NULL},
    {"F2: endless 250-", FAILED, FAILURE_LINES_LIMIT, {HELLO, "E250-STARTTLS\r\n"}, NULL},
    {"F2: endless 220- to STARTTLS", FAILED, FAILURE_LINES_LIMIT, {ASKED, "E220-x\r\n"}, NULL},
    {"F2: a long greeting",
     FAILED,
     FAILURE_GREETING_LIMIT,
     {"E220-0123456789012345678901234567890123456789012345678901234567890123456789\r\n"},
     NULL},
    {"F2: an endless line", FAILED, FAILURE_LINE_LIMIT, {"E220 x"}, NULL},
    {"F2: NUL", FAILED, FAILURE_BYTE, {HELLO, "S250-x%0\r\n250 STARTTLS\r\n"}, "a NUL byte"},
    {"F2: bare LF", FAILED, FAILURE_BYTE, {HELLO, "S250-x\n250 STARTTLS\r\n"}, "line feed"},
    {"F2: bare CR", FAILED, FAILURE_BYTE, {ASKED, "S220 go\rahead\r\n"}, "carriage return"},
    {"F2: mixed codes", FAILED, FAILURE_MALFORMED, {HELLO, "S250-x\r\n220 STARTTLS\r\n"}, NULL},
    {"F2: mixed codes in the reply", FAILED, FAILURE_MALFORMED, {ASKED, "S454-x\r\n220 go\r\n"}, NULL},
    {"I1: quotes and controls in a reply",
     FAILED,
     FAILURE_UNEXPECTED,
     {ASKED, "S221 \"x\\y\x1b[2J\xc3\xa9\r\n"},
     "it said '221 ?x?y?[2J?"},
};

static void smtp_dialogues(void **state)
{
    (void)state;
    check_dialogues(dialogues, sizeof dialogues / sizeof dialogues[0], PROTOCOL_SMTP);
}

#define LMTP_HELLO "S220 mail.example.org LMTP\r\n", "CLHLO [127.0.0.1]"

static const struct dialogue lmtp[] = {
    {"the same for LMTP", READY, 0, {LMTP_HELLO, OFFER, "CSTARTTLS", "S220 go\r\n"}, NULL},
    {"A1", NOT_OFFERED, FAILURE_NOT_OFFERED, {LMTP_HELLO, "S250 x\r\n"}, NULL},
    {"A2", NOT_OFFERED, FAILURE_CAPABILITIES_REFUSED, {LMTP_HELLO, "S502 use EHLO\r\n"}, "to LHLO"},
    {"A3", NOT_OFFERED, FAILURE_REFUSED, {LMTP_HELLO, OFFER, "CSTARTTLS", "S454 no\r\n"}, NULL},
    {"B1", FAILED, FAILURE_UNEXPECTED, {LMTP_HELLO, OFFER, "CSTARTTLS", "S250 ok\r\n"}, NULL},
    {"C1", FAILED, FAILURE_LATE_BYTES, {LMTP_HELLO, OFFER, "CSTARTTLS", "S220 go\r\n250 x\r\n"}, NULL},
    {"D3", FAILED, FAILURE_SERVICE_REFUSED, {"S421 no\r\n"}, NULL},
};

static void lmtp_dialogues(void **state)
{
    (void)state;
    check_dialogues(lmtp, sizeof lmtp / sizeof lmtp[0], PROTOCOL_LMTP);
}

static const struct settings secure = {
    .level = LEVEL_SECURE, .protocol = PROTOCOL_SMTP, .timeout = 30, .greeting_timeout = 30};

/*
 * EHLO gives the address of the real socket, in the form of RFC 5321, 4.1.3. A mapped address counts as IPv4.
 */
static void ehlo_tells_the_local_address(void **state)
{
    static const struct {
        const char *address, *hello;
    } cases[] = {
        {"::1", "CEHLO [IPv6:::1]"},
        {"2001:db8::25", "CEHLO [IPv6:2001:db8::25]"},
        {"fe80::1", "CEHLO [IPv6:fe80::1]"},
        {"::ffff:192.0.2.7", "CEHLO [192.0.2.7]"},
    };
    const struct local_address nothing = {.length = 0};
    struct result r;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *script[] = {GREETED, cases[i].hello, OFFER, "CSTARTTLS", "S220 go\r\n", NULL};
        struct local_address local = {.length = sizeof(struct sockaddr_in6)};
        struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&local.address;

        v6->sin6_family = AF_INET6;
        v6->sin6_scope_id = 2;
        assert_int_equal(inet_pton(AF_INET6, cases[i].address, &v6->sin6_addr), 1);
        negotiate_with(&r, &secure, 25, false, &local, script);
        assert_string_equal(r.peer.wrong, "");
        assert_int_equal(r.outcome, READY);
    }
    negotiate_with(&r, &secure, 25, false, &nothing, (const char *[]){ASKED, "S220 go\r\n", NULL});
    assert_int_equal(r.outcome, READY);
}

/*
 * The host is the only word of the server's that goes into the greeting after TLS, so it must be a host name.
 */
static void only_a_host_is_kept_of_the_greeting(void **state)
{
    static const struct {
        const char *greeting, *host, *greet;
    } cases[] = {
        {"S220 mail.example.org ESMTP Exim\r\n", "mail.example.org", "220 mail.example.org ESMTP\r\n"},
        {"S220 a-b.C2.example\r\n", "a-b.C2.example", "220 a-b.C2.example ESMTP\r\n"},
        {"S220-host\r\n220 other\r\n", "host", "220 host ESMTP\r\n"},
        {"S220 [192.0.2.1] x\r\n", "[192.0.2.1]", "220 [192.0.2.1] ESMTP\r\n"},
        {"S220 [IPv6:2001:db8::1] x\r\n", "[IPv6:2001:db8::1]", "220 [IPv6:2001:db8::1] ESMTP\r\n"},
        {"S220\r\n", "", "220 retrotls ESMTP\r\n"},
        {"S220 \r\n", "", "220 retrotls ESMTP\r\n"},
        {"S220  two.spaces\r\n", "", "220 retrotls ESMTP\r\n"},
        {"S220 x@y ESMTP\r\n", "", "220 retrotls ESMTP\r\n"},
        {"S220 a..b ESMTP\r\n", "", "220 retrotls ESMTP\r\n"},
        {"S220 a. ESMTP\r\n", "", "220 retrotls ESMTP\r\n"},
        {"S220 .a ESMTP\r\n", "", "220 retrotls ESMTP\r\n"},
        {"S220 -a ESMTP\r\n", "", "220 retrotls ESMTP\r\n"},
        {"S220 a- ESMTP\r\n", "", "220 retrotls ESMTP\r\n"},
        {"S220 a-.b ESMTP\r\n", "", "220 retrotls ESMTP\r\n"},
        {"S220 [] ESMTP\r\n", "", "220 retrotls ESMTP\r\n"},
        {"S220 [a]b] ESMTP\r\n", "", "220 retrotls ESMTP\r\n"},
        {"S220 [\"x\"] ESMTP\r\n", "", "220 retrotls ESMTP\r\n"},
        {"S220 0123456789012345678901234567890123456789012345678901234567890123.x\r\n", "",
         "220 retrotls ESMTP\r\n"},
        {"S220 "
         "0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0."
         "0.0."
         "0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0."
         "0.0.0.0."
         "0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0\r\n",
         "", "220 retrotls ESMTP\r\n"},
    };
    const struct local_address local = peer_loopback();

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *script[] = {cases[i].greeting, "CEHLO [127.0.0.1]", OFFER,
                                "CSTARTTLS",       "S220 go\r\n",       NULL};
        char out[GREETING_LIMIT];
        struct result r;

        negotiate_with(&r, &secure, 25, false, &local, script);
        assert_int_equal(r.outcome, READY);
        assert_string_equal(r.greeting.host, cases[i].host);
        assert_int_equal(protocol_smtp.greet(&r.greeting, out), strlen(cases[i].greet));
        assert_string_equal(out, cases[i].greet);
        assert_int_equal(r.greeting.raw_length, strlen(cases[i].greeting) - 1);
        assert_memory_equal(r.greeting.raw, cases[i].greeting + 1, r.greeting.raw_length);
    }
}

static void greetings_of_the_relay(void **state)
{
    const struct greeting named = {.host = "lmtp.example.org"}, unnamed = {.host = ""};
    char out[GREETING_LIMIT];

    (void)state;
    protocol_lmtp.greet(&named, out);
    assert_string_equal(out, "220 lmtp.example.org LMTP\r\n");
    protocol_lmtp.greet(&unnamed, out);
    assert_string_equal(out, "220 retrotls LMTP\r\n");
    assert_int_equal(protocol_smtp.refuse("no TLS", out), strlen("421 4.7.0 retrotls: no TLS\r\n"));
    assert_string_equal(out, "421 4.7.0 retrotls: no TLS\r\n");
    protocol_lmtp.refuse("no TLS", out);
    assert_string_equal(out, "421 4.7.0 retrotls: no TLS\r\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(smtp_dialogues),
        cmocka_unit_test(lmtp_dialogues),
        cmocka_unit_test(ehlo_tells_the_local_address),
        cmocka_unit_test(only_a_host_is_kept_of_the_greeting),
        cmocka_unit_test(greetings_of_the_relay),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
