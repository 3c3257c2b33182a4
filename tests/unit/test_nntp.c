/* NNTP before TLS. */
#include "tests/unit/peer.h"

#define LIST "S200 news ready\r\n", "CCAPABILITIES"
#define ASKED LIST, "S101 list follows\r\nVERSION 2\r\nREADER\r\nSTARTTLS\r\nOVER MSGID\r\n.\r\n", "CSTARTTLS"

static const struct dialogue dialogues[] = {
    {"the dialogue of RFC 4642", READY, 0, {ASKED, "S382 go on\r\n"}, NULL},
    {"A4: lower case, no text",
     READY,
     0,
     {"S201\r\n", "CCAPABILITIES", "S101\r\nversion 2\r\nstarttls\r\n.\r\n", "CSTARTTLS", "S382\r\n"},
     NULL},

    {"A1: no offer",
     NOT_OFFERED,
     FAILURE_NOT_OFFERED,
     {LIST, "S101 x\r\nVERSION 2\r\n.\r\n"},
     "lack STARTTLS"},
    {"A2: 500",
     NOT_OFFERED,
     FAILURE_CAPABILITIES_REFUSED,
     {LIST, "S500 what?\r\n"},
     "'500 what?' to CAPABILITIES"},
    {"A2: 502", NOT_OFFERED, FAILURE_CAPABILITIES_REFUSED, {LIST, "S502 no\r\n"}, NULL},
    {"A2: 480", NOT_OFFERED, FAILURE_CAPABILITIES_REFUSED, {LIST, "S480 log in\r\n"}, NULL},
    {"A3: 580", NOT_OFFERED, FAILURE_REFUSED, {ASKED, "S580 cannot\r\n"}, "'580 cannot' to STARTTLS"},
    {"A3: 483", NOT_OFFERED, FAILURE_REFUSED, {ASKED, "S483 no\r\n"}, NULL},
    {"A3: 502", NOT_OFFERED, FAILURE_REFUSED, {ASKED, "S502\r\n"}, NULL},
    {"A4: other words",
     NOT_OFFERED,
     FAILURE_NOT_OFFERED,
     {LIST, "S101 STARTTLS\r\nVERSION 2\r\nXSTARTTLS\r\nSTARTTLSX\r\nSASL STARTTLS\r\n.\r\n"},
     NULL},

    {"B1: 382 and a hyphen",
     FAILED,
     FAILURE_UNEXPECTED,
     {ASKED, "S382-go on\r\n"},
     "'382-go on' to STARTTLS"},
    {"B1: 281", FAILED, FAILURE_UNEXPECTED, {ASKED, "S281 welcome\r\n"}, NULL},
    {"B1: 400", FAILED, FAILURE_UNEXPECTED, {ASKED, "S400 bye\r\n"}, NULL},
    {"B1: 381", FAILED, FAILURE_UNEXPECTED, {ASKED, "S381 more\r\n"}, NULL},
    {"B1: no code", FAILED, FAILURE_UNEXPECTED, {ASKED, "Sgo on\r\n"}, NULL},
    {"B1: 482", FAILED, FAILURE_UNEXPECTED, {ASKED, "S482 x\r\n"}, NULL},
    {"B1: to CAPABILITIES", FAILED, FAILURE_UNEXPECTED, {LIST, "S382 go on\r\n"}, NULL},
    {"B2: the reply before the question",
     FAILED,
     FAILURE_EARLY_BYTES,
     {LIST, "S101 x\r\nSTARTTLS\r\n.\r\n382 go on\r\n"},
     "before STARTTLS was sent"},
    {"C1: bytes behind the reply", FAILED, FAILURE_LATE_BYTES, {ASKED, "S382 go on\r\n200 hello\r\n"}, NULL},
    {"C1: a fragment behind the reply", FAILED, FAILURE_LATE_BYTES, {ASKED, "S382 go on\r\n2"}, NULL},
    {"C2: a success behind a refusal", FAILED, FAILURE_LATE_BYTES, {ASKED, "S580 no\r\n382 go on\r\n"}, NULL},
    {"C2: bytes behind no offer", FAILED, FAILURE_LATE_BYTES, {LIST, "S101 x\r\n.\r\n382\r\n"}, NULL},
    {"C2: bytes behind a refused list", FAILED, FAILURE_LATE_BYTES, {LIST, "S500 x\r\n382\r\n"}, NULL},

    {"D3: 400", FAILED, FAILURE_SERVICE_REFUSED, {"S400 busy\r\n"}, "it said '400 busy'"},
    {"D3: 502", FAILED, FAILURE_SERVICE_REFUSED, {"S502 not you\r\n"}, NULL},
    {"D3: 500", FAILED, FAILURE_MALFORMED, {"S500 x\r\n"}, "an NNTP greeting"},
    {"D3: garbage", FAILED, FAILURE_MALFORMED, {"S+OK hello\r\n"}, NULL},
    {"D3: two greetings", FAILED, FAILURE_EARLY_BYTES, {"S200 a\r\n201 b\r\n"}, NULL},
    {"D3: a number within the list",
     FAILED,
     FAILURE_MALFORMED,
     {LIST, "S101\r\n200 x\r\nSTARTTLS\r\n.\r\n"},
     NULL},
    {"D3: closes", FAILED, FAILURE_CLOSED, {"X"}, NULL},
    {"closes when asked for TLS", FAILED, FAILURE_CLOSED, {ASKED, "X"}, NULL},

    {"F2: an endless list", FAILED, FAILURE_LINES_LIMIT, {LIST, "S101 x\r\n", "ESTARTTLS\r\n"}, NULL},
    {"F2: an endless line", FAILED, FAILURE_LINE_LIMIT, {LIST, "E101 x"}, NULL},
    {"F2: NUL", FAILED, FAILURE_BYTE, {LIST, "S101 x%0\r\n"}, NULL},
    {"F2: bare LF", FAILED, FAILURE_BYTE, {LIST, "S101 x\n"}, NULL},
    {"F2: bare CR", FAILED, FAILURE_BYTE, {ASKED, "S382 x\r \r\n"}, NULL},
};

static void nntp_dialogues(void **state)
{
    (void)state;
    check_dialogues(dialogues, sizeof dialogues / sizeof dialogues[0], PROTOCOL_NNTP);
}

/* 200 or 201 tells the program whether it may post. The rest of the greeting is dropped. */
static void greetings_of_the_relay(void **state)
{
    const struct greeting posting = {.code = 200, .raw = "200 x"}, reading = {.code = 201, .raw = "201 x"};
    char out[GREETING_LIMIT];

    (void)state;
    protocol_nntp.greet(&posting, out);
    assert_string_equal(out, "200 retrotls ready, posting allowed\r\n");
    protocol_nntp.greet(&reading, out);
    assert_string_equal(out, "201 retrotls ready, no posting\r\n");
    protocol_nntp.refuse("no TLS", out);
    assert_string_equal(out, "400 retrotls: no TLS\r\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nntp_dialogues),
        cmocka_unit_test(greetings_of_the_relay),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
