/* POP3 before TLS, and the timestamp that outlives it. */
#include "tests/unit/peer.h"

#define CAPA "S+OK POP3 ready\r\n", "CCAPA"
#define ASKED CAPA, "S+OK list follows\r\nTOP\r\nSTLS\r\nSASL PLAIN\r\n.\r\n", "CSTLS"

static const struct dialogue dialogues[] = {
    {"the dialogue of RFC 2595", READY, 0, {ASKED, "S+OK begin\r\n"}, NULL},
    {"A4: lower case, no text",
     READY,
     0,
     {"S+OK\r\n", "CCAPA", "S+OK\r\nstls\r\n.\r\n", "CSTLS", "S+OK\r\n"},
     NULL},

    {"A1: no offer", NOT_OFFERED, FAILURE_NOT_OFFERED, {CAPA, "S+OK\r\nTOP\r\n.\r\n"}, "lack STLS"},
    {"A1: nothing", NOT_OFFERED, FAILURE_NOT_OFFERED, {CAPA, "S+OK STLS\r\n.\r\n"}, NULL},
    {"A2: -ERR",
     NOT_OFFERED,
     FAILURE_CAPABILITIES_REFUSED,
     {CAPA, "S-ERR what?\r\n"},
     "'-ERR what?' to CAPA"},
    {"A3: -ERR", NOT_OFFERED, FAILURE_REFUSED, {ASKED, "S-ERR\r\n"}, "it said '-ERR' to STLS"},
    {"A4: other words",
     NOT_OFFERED,
     FAILURE_NOT_OFFERED,
     {CAPA, "S+OK\r\nXSTLS\r\nSTLSX\r\nSTARTTLS\r\nX STLS\r\n.\r\n"},
     NULL},

    {"B1: + go on", FAILED, FAILURE_UNEXPECTED, {ASKED, "S+ go on\r\n"}, "'+ go on' to STLS"},
    {"B1: +OKAY", FAILED, FAILURE_UNEXPECTED, {ASKED, "S+OKAY\r\n"}, NULL},
    {"B1: +ok", FAILED, FAILURE_UNEXPECTED, {ASKED, "S+ok\r\n"}, NULL},
    {"B1: -ERRNO", FAILED, FAILURE_UNEXPECTED, {ASKED, "S-ERRNO\r\n"}, NULL},
    {"B1: a number", FAILED, FAILURE_UNEXPECTED, {ASKED, "S220 go\r\n"}, NULL},
    {"B1: to CAPA", FAILED, FAILURE_UNEXPECTED, {CAPA, "S250 x\r\n"}, NULL},
    {"B2: the reply before the question",
     FAILED,
     FAILURE_EARLY_BYTES,
     {CAPA, "S+OK\r\nSTLS\r\n.\r\n+OK begin\r\n"},
     "before STLS was sent"},
    {"B2: the list before the question",
     FAILED,
     FAILURE_EARLY_BYTES,
     {"S+OK a\r\n+OK\r\nSTLS\r\n.\r\n"},
     "CAPA"},
    {"C1: bytes behind the reply",
     FAILED,
     FAILURE_LATE_BYTES,
     {ASKED, "S+OK begin\r\n+OK\r\nUSER\r\n"},
     "STLS"},
    {"C1: a fragment behind the reply", FAILED, FAILURE_LATE_BYTES, {ASKED, "S+OK begin\r\n+"}, NULL},
    {"C2: a success behind a refusal",
     FAILED,
     FAILURE_LATE_BYTES,
     {ASKED, "S-ERR no\r\n+OK begin\r\n"},
     NULL},
    {"C2: bytes behind no offer", FAILED, FAILURE_LATE_BYTES, {CAPA, "S+OK\r\n.\r\n+OK\r\n"}, NULL},
    {"C2: bytes behind a refused CAPA", FAILED, FAILURE_LATE_BYTES, {CAPA, "S-ERR\r\n+OK\r\n"}, NULL},

    {"D3: -ERR",
     FAILED,
     FAILURE_SERVICE_REFUSED,
     {"S-ERR [SYS/TEMP] busy\r\n"},
     "it said '-ERR [SYS/TEMP] busy'"},
    {"D3: garbage", FAILED, FAILURE_MALFORMED, {"S* OK hello\r\n"}, "a POP3 greeting"},
    {"D3: two greetings", FAILED, FAILURE_EARLY_BYTES, {"S+OK a\r\n+OK b\r\n"}, NULL},
    {"D3: a second greeting when asked",
     FAILED,
     FAILURE_MALFORMED,
     {CAPA, "S+OK b\r\n+OK\r\nSTLS\r\n.\r\n"},
     NULL},
    {"D3: -ERR within the list", FAILED, FAILURE_MALFORMED, {CAPA, "S+OK b\r\n-ERR\r\nSTLS\r\n.\r\n"}, NULL},
    {"D3: closes", FAILED, FAILURE_CLOSED, {"X"}, NULL},
    {"closes within the list", FAILED, FAILURE_CLOSED, {CAPA, "S+OK\r\nSTLS\r\n", "X"}, NULL},
    {"closes when asked for TLS", FAILED, FAILURE_CLOSED, {ASKED, "X"}, NULL},

    {"F2: an endless list", FAILED, FAILURE_LINES_LIMIT, {CAPA, "S+OK\r\n", "ESTLS\r\n"}, NULL},
    {"F2: an endless line", FAILED, FAILURE_LINE_LIMIT, {CAPA, "S+OK\r\n", "ESTLS "}, NULL},
    {"F2: a long greeting",
     FAILED,
     FAILURE_GREETING_LIMIT,
     {"S+OK %9%9%9%9%9%9%9%9%9%9%9%9%9%9%9%9%9%9%9%9%9%9%9%9%9%9%9%9%9%9%9%9%9%9%9%9%9%9%9%9%9%9%9%9%9\r\n"},
     NULL},
    {"F2: an empty line in the list", FAILED, FAILURE_MALFORMED, {CAPA, "S+OK\r\n\r\nSTLS\r\n.\r\n"}, NULL},
    {"F2: two dots", FAILED, FAILURE_MALFORMED, {CAPA, "S+OK\r\nSTLS\r\n..\r\n"}, NULL},
    {"F2: NUL", FAILED, FAILURE_BYTE, {CAPA, "S+OK\r\nSTLS%0X\r\n.\r\n"}, NULL},
    {"F2: bare LF", FAILED, FAILURE_BYTE, {CAPA, "S+OK\r\nSTLS\n.\r\n"}, NULL},
    {"F2: bare CR", FAILED, FAILURE_BYTE, {ASKED, "S+OK\rbegin\r\n"}, NULL},
};

static void pop3_dialogues(void **state)
{
    (void)state;
    check_dialogues(dialogues, sizeof dialogues / sizeof dialogues[0], PROTOCOL_POP3);
}

/* D4: APOP hashes the password with it, so the server (or somebody on the path) must not choose it freely. */
static void only_a_message_id_is_kept_as_timestamp(void **state)
{
    static const struct {
        const char *greeting, *greet;
    } cases[] = {
        {"S+OK POP3 <1896.697170952@dbc.mtview.ca.us>\r\n",
         "+OK retrotls ready <1896.697170952@dbc.mtview.ca.us>\r\n"},
        {"S+OK <a-b_c+d@e> ready\r\n", "+OK retrotls ready <a-b_c+d@e>\r\n"},
        {"S+OK\r\n", "+OK retrotls ready\r\n"},
        {"S+OK ready\r\n", "+OK retrotls ready\r\n"},
        {"S+OK <>\r\n", "+OK retrotls ready\r\n"},
        {"S+OK <ab>\r\n", "+OK retrotls ready\r\n"},
        {"S+OK <@b>\r\n", "+OK retrotls ready\r\n"},
        {"S+OK <a@>\r\n", "+OK retrotls ready\r\n"},
        {"S+OK <a@b\r\n", "+OK retrotls ready\r\n"},
        {"S+OK <a b@c>\r\n", "+OK retrotls ready\r\n"},
        {"S+OK <a@b@c>\r\n", "+OK retrotls ready\r\n"},
        {"S+OK <a\"@b>\r\n", "+OK retrotls ready\r\n"},
        {"S+OK <\xc3\xa9@b>\r\n", "+OK retrotls ready\r\n"},
        {"S+OK <a\x01@b>\r\n", "+OK retrotls ready\r\n"},
        {"S+OK <x> <a@b>\r\n", "+OK retrotls ready\r\n"},
        {"S+OK <x>ab>\r\n", "+OK retrotls ready\r\n"},
        {"S+OK <%9%9%9@b>\r\n", "+OK retrotls ready\r\n"},
    };
    const struct settings settings = {
        .level = LEVEL_SECURE, .protocol = PROTOCOL_POP3, .timeout = 30, .greeting_timeout = 30};
    const struct local_address local = peer_loopback();

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *script[] = {cases[i].greeting, "CCAPA",    "S+OK\r\nSTLS\r\n.\r\n",
                                "CSTLS",           "S+OK\r\n", NULL};
        char out[GREETING_LIMIT];
        struct result r;

        negotiate_with(&r, &settings, 110, false, &local, script);
        assert_int_equal(r.outcome, READY);
        protocol_pop3.greet(&r.greeting, out);
        assert_string_equal(out, cases[i].greet);
    }
}

static void failure_greeting(void **state)
{
    char out[GREETING_LIMIT];

    (void)state;
    protocol_pop3.refuse("no TLS", out);
    assert_string_equal(out, "-ERR [SYS/TEMP] retrotls: no TLS\r\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pop3_dialogues),
        cmocka_unit_test(only_a_message_id_is_kept_as_timestamp),
        cmocka_unit_test(failure_greeting),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
