/* IMAP before TLS: literals, tags, and what an untagged response may not do. */
#include "tests/unit/peer.h"

#define GREETED "S* OK hello\r\n"
#define CAPABILITY GREETED, "C%t CAPABILITY"
#define OFFER "S* CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED\r\n%t OK done\r\n"
#define ASKED CAPABILITY, OFFER, "C%t STARTTLS"

static const struct dialogue dialogues[] = {
    {"the dialogue of RFC 9051", READY, 0, {ASKED, "S%t OK begin\r\n"}, NULL},
    {"IMAP4rev2, lower case, no text",
     READY,
     0,
     {"S* ok\r\n", "C%t CAPABILITY", "S* capability imap4rev2 starttls\r\n%t ok\r\n", "C%t STARTTLS",
      "S%t Ok\r\n"},
     NULL},
    {"capabilities in two responses",
     READY,
     0,
     {CAPABILITY, "S* CAPABILITY IMAP4rev1 STARTTLS\r\n* CAPABILITY IMAP4rev1\r\n%t OK done\r\n",
      "C%t STARTTLS", "S%t OK begin\r\n"},
     NULL},
    {"D2: untagged responses before both tagged ones",
     READY,
     0,
     {CAPABILITY,
      "S* CAPABILITY IMAP4rev1 STARTTLS\r\n* LIST () \"/\" {5}\r\nINBOX\r\n* 3 EXISTS\r\n* 1 EXPUNGE\r\n"
      "* FLAGS (\\Seen)\r\n* SEARCH 1 2\r\n%t OK done\r\n",
      "C%t STARTTLS",
      "S* 2 FETCH (BODY[] {27}\r\n\r\n%t OK no\r\n FLAGS (\\Seen) RFC822 ~{3}\r\na%0b X {0}\r\n)\r\n"
      "* OK [ALERT] read {7}\r\n* NO [REFERRAL imap://evil.example/] {9}\r\n"
      "* STATUS \"a{5}\" (MESSAGES 1)\r\n* BAD what {-1}\r\n%t OK begin {1}\r\n"},
     NULL},
    {"D2: a literal in a response code",
     READY,
     0,
     {CAPABILITY,
      "S* CAPABILITY IMAP4rev1 STARTTLS\r\n* NO [BADCHARSET ({5}\r\nUTF-8 {3}\r\na]b)] no {2}\r\n%t OK "
      "done\r\n",
      "C%t STARTTLS", "S%t OK begin\r\n"},
     NULL},
    {"D2: a brace that closes nothing",
     READY,
     0,
     {CAPABILITY, "S* CAPABILITY IMAP4rev1 STARTTLS\r\n* X }\r\n* OK [X\r\n%t OK done\r\n", "C%t STARTTLS",
      "S%t OK begin\r\n"},
     NULL},

    {"A1: no offer",
     NOT_OFFERED,
     FAILURE_NOT_OFFERED,
     {CAPABILITY, "S* CAPABILITY IMAP4rev1\r\n%t OK done\r\n"},
     "lack STARTTLS"},
    {"an offer in the greeting is taken",
     READY,
     FAILURE_NONE,
     {"S* OK [CAPABILITY IMAP4rev1 STARTTLS] hello\r\n", "C%t STARTTLS", "S%t OK begin\r\n"},
     NULL},
    {"an offer in the greeting, in small letters, alone",
     READY,
     FAILURE_NONE,
     {"S* ok [capability starttls]\r\n", "C%t STARTTLS", "S%t OK begin\r\n"},
     NULL},
    {"A3: an offer in the greeting that is refused",
     NOT_OFFERED,
     FAILURE_REFUSED,
     {"S* OK [CAPABILITY STARTTLS] hello\r\n", "C%t STARTTLS", "S%t NO\r\n"},
     NULL},
    {"A4: what is like an offer in the greeting",
     NOT_OFFERED,
     FAILURE_NOT_OFFERED,
     {"S* OK [CAPABILITY XSTARTTLS STARTTLSX] STARTTLS ]\r\n", "C%t CAPABILITY",
      "S* CAPABILITY IMAP4rev1\r\n%t OK done\r\n"},
     NULL},
    {"A4: an offer in the greeting's text, with no code",
     NOT_OFFERED,
     FAILURE_NOT_OFFERED,
     {"S* OK CAPABILITY STARTTLS ]\r\n", "C%t CAPABILITY", "S* CAPABILITY IMAP4rev1\r\n%t OK done\r\n"},
     NULL},
    {"A1: an offer in response codes alone",
     NOT_OFFERED,
     FAILURE_NOT_OFFERED,
     {GREETED, "C%t CAPABILITY",
      "S* CAPABILITY IMAP4rev1\r\n* OK [CAPABILITY IMAP4rev1 STARTTLS] x\r\n%t OK [CAPABILITY STARTTLS] "
      "done\r\n"},
     NULL},
    {"A2: BAD",
     NOT_OFFERED,
     FAILURE_CAPABILITIES_REFUSED,
     {CAPABILITY, "S%t BAD what?\r\n"},
     "to CAPABILITY"},
    {"A2: NO", NOT_OFFERED, FAILURE_CAPABILITIES_REFUSED, {CAPABILITY, "S%t NO\r\n"}, NULL},
    {"A3: NO",
     NOT_OFFERED,
     FAILURE_REFUSED,
     {ASKED, "S%t NO not now\r\n"},
     "it said 'NO not now' to STARTTLS"},
    {"A3: BAD", NOT_OFFERED, FAILURE_REFUSED, {ASKED, "S* OK x\r\n%t BAD no\r\n"}, NULL},
    {"A4: XSTARTTLS, STARTTLSX, AUTH=STARTTLS",
     NOT_OFFERED,
     FAILURE_NOT_OFFERED,
     {CAPABILITY,
      "S* CAPABILITY IMAP4rev1 XSTARTTLS STARTTLSX AUTH=STARTTLS\r\n* STARTTLS\r\n%t OK done\r\n"},
     NULL},

    {"B1: an unknown status",
     FAILED,
     FAILURE_UNEXPECTED,
     {ASKED, "S%t OKAY\r\n"},
     "it said 'OKAY' to STARTTLS"},
    {"B1: PREAUTH", FAILED, FAILURE_UNEXPECTED, {ASKED, "S%t PREAUTH\r\n"}, NULL},
    {"B1: no status", FAILED, FAILURE_UNEXPECTED, {ASKED, "S%t\r\n"}, NULL},
    {"B1: a continuation", FAILED, FAILURE_UNEXPECTED, {ASKED, "S+ go on\r\n"}, NULL},
    {"B1: an untagged OK, then nothing", FAILED, FAILURE_CLOSED, {ASKED, "S* OK begin\r\n", "X"}, NULL},
    {"B1: another tag", FAILED, FAILURE_UNEXPECTED, {ASKED, "SA1 OK begin\r\n"}, "it said 'A1 OK begin'"},
    {"B1: the tag with a tail", FAILED, FAILURE_UNEXPECTED, {ASKED, "S%tx OK begin\r\n"}, NULL},
    {"B1: an empty line", FAILED, FAILURE_UNEXPECTED, {ASKED, "S\r\n"}, NULL},
    {"B1: CAPABILITY with no list", FAILED, FAILURE_UNEXPECTED, {CAPABILITY, "S%t OK done\r\n"}, NULL},
    {"B1: a continuation of CAPABILITY", FAILED, FAILURE_UNEXPECTED, {CAPABILITY, "S+ \r\n"}, NULL},

    {"B2: a tagged OK before the question",
     FAILED,
     FAILURE_EARLY_BYTES,
     {CAPABILITY, "S* CAPABILITY IMAP4rev1 STARTTLS\r\n%t OK done\r\nA2 OK begin\r\n"},
     "before STARTTLS was sent"},
    {"B2: the tag of CAPABILITY again",
     FAILED,
     FAILURE_UNEXPECTED,
     {CAPABILITY, OFFER, "c", "S%t OK begin\r\n"},
     NULL},
    {"B2: CAPABILITY answered before it was asked",
     FAILED,
     FAILURE_EARLY_BYTES,
     {"S* OK x\r\n* CAPABILITY STARTTLS\r\n"},
     NULL},
    {"C1: bytes behind the reply",
     FAILED,
     FAILURE_LATE_BYTES,
     {ASKED, "S%t OK begin\r\n* CAPABILITY AUTH=PLAIN\r\n"},
     "after its answer"},
    {"C1: a fragment behind the reply", FAILED, FAILURE_LATE_BYTES, {ASKED, "S%t OK begin\r\n*"}, NULL},
    {"C2: a success behind a refusal",
     FAILED,
     FAILURE_LATE_BYTES,
     {ASKED, "S%t NO\r\n%t OK begin\r\n"},
     NULL},
    {"C2: bytes behind no offer",
     FAILED,
     FAILURE_LATE_BYTES,
     {CAPABILITY, "S* CAPABILITY IMAP4rev1\r\n%t OK done\r\n* CAPABILITY STARTTLS\r\n"},
     NULL},
    {"C2: bytes behind a refused CAPABILITY",
     FAILED,
     FAILURE_LATE_BYTES,
     {CAPABILITY, "S%t BAD\r\n* OK\r\n"},
     NULL},

    {"D1: PREAUTH", NOT_OFFERED, FAILURE_PREAUTH, {"S* PREAUTH welcome\r\n"}, "'tls implicit'"},
    {"D1: PREAUTH that lists STARTTLS",
     NOT_OFFERED,
     FAILURE_PREAUTH,
     {"S* PREAUTH [CAPABILITY STARTTLS] x\r\n"},
     NULL},
    {"D1: PREAUTH and more", FAILED, FAILURE_LATE_BYTES, {"S* PREAUTH x\r\n* CAPABILITY STARTTLS\r\n"}, NULL},
    {"D3: BYE", FAILED, FAILURE_SERVICE_REFUSED, {"S* BYE too busy\r\n"}, "it said '* BYE too busy'"},
    {"D3: NO", FAILED, FAILURE_MALFORMED, {"S* NO\r\n"}, NULL},
    {"D3: garbage", FAILED, FAILURE_MALFORMED, {"S220 mail.example.org ESMTP\r\n"}, NULL},
    {"D3: two greetings", FAILED, FAILURE_EARLY_BYTES, {"S* OK a\r\n* OK b\r\n"}, NULL},
    {"D3: PREAUTH as a second greeting", FAILED, FAILURE_MALFORMED, {CAPABILITY, "S* PREAUTH x\r\n"}, NULL},
    {"D3: BYE when asked", FAILED, FAILURE_SERVICE_REFUSED, {CAPABILITY, "S* BYE\r\n"}, NULL},
    {"D3: BYE when asked for TLS",
     FAILED,
     FAILURE_SERVICE_REFUSED,
     {ASKED, "S* BYE x\r\n%t OK begin\r\n"},
     NULL},
    {"D3: closes", FAILED, FAILURE_CLOSED, {"S* OK", "X"}, NULL},

    {"F2: endless untagged responses", FAILED, FAILURE_LINES_LIMIT, {ASKED, "E* 1 EXISTS\r\n"}, NULL},
    {"F2: endless literals", FAILED, FAILURE_LINES_LIMIT, {CAPABILITY, "S* X ", "E {1}\r\nx"}, NULL},
    {"F2: a literal of 4 GiB", FAILED, FAILURE_MALFORMED, {ASKED, "S* X {4294967296}\r\n"}, "{4294967296}"},
    {"F2: a literal of 4 GiB - 1", FAILED, FAILURE_DIALOGUE_LIMIT, {ASKED, "S* X {4294967295}\r\n"}, NULL},
    {"F2: a literal of 128 KiB", FAILED, FAILURE_DIALOGUE_LIMIT, {ASKED, "S* X {131072}\r\n"}, NULL},
    {"F2: a literal of -1", FAILED, FAILURE_MALFORMED, {ASKED, "S* X {-1}\r\n"}, NULL},
    {"F2: a literal of a client's form", FAILED, FAILURE_MALFORMED, {ASKED, "S* X {5+}\r\n"}, NULL},
    {"F2: a literal of no size", FAILED, FAILURE_MALFORMED, {ASKED, "S* X {}\r\n"}, NULL},
    {"F2: a literal of twenty digits",
     FAILED,
     FAILURE_MALFORMED,
     {ASKED, "S* X {00000000000000000005}\r\n"},
     NULL},
    {"F2: a literal that never comes", FAILED, FAILURE_CLOSED, {ASKED, "S* X {5}\r\nabc", "X"}, NULL},
    {"F2: NUL", FAILED, FAILURE_BYTE, {ASKED, "S%t OK%0\r\n"}, NULL},
    {"F2: bare LF", FAILED, FAILURE_BYTE, {ASKED, "S%t OK\n"}, NULL},
    {"F2: bare CR", FAILED, FAILURE_BYTE, {"S* OK\rx\r\n"}, NULL},
    {"F2: an endless line", FAILED, FAILURE_LINE_LIMIT, {CAPABILITY, "E* CAPABILITY "}, NULL},
    {"F2: an untagged response of nothing", FAILED, FAILURE_MALFORMED, {ASKED, "S*  OK\r\n"}, NULL},
    {"F2: a star and no space", FAILED, FAILURE_UNEXPECTED, {ASKED, "S*OK\r\n"}, NULL},
};

static void imap_dialogues(void **state)
{
    (void)state;
    check_dialogues(dialogues, sizeof dialogues / sizeof dialogues[0], PROTOCOL_IMAP);
}

/* If a tag can be predicted, it can be answered before it is sent. No two commands share one. */
static void tags_cannot_be_foretold(void **state)
{
    static const char *const script[] = {CAPABILITY, "S%t BAD\r\n", NULL};
    const struct settings settings = {
        .level = LEVEL_SECURE, .protocol = PROTOCOL_IMAP, .timeout = 30, .greeting_timeout = 30};
    const struct local_address local = peer_loopback();
    char tags[32][64];

    (void)state;
    for (int i = 0; i < 32; i++) {
        struct result r;

        negotiate_with(&r, &settings, 143, false, &local, script);
        assert_true(strlen(r.peer.tag) > 16);
        snprintf(tags[i], sizeof tags[i], "%s", r.peer.tag);
        for (int j = 0; j < i; j++)
            assert_string_not_equal(tags[i], tags[j]);
    }
}

static void greetings_of_the_relay(void **state)
{
    const struct greeting g = {.raw = "* OK [CAPABILITY X] secret"};
    char out[GREETING_LIMIT];

    (void)state;
    protocol_imap.greet(&g, out);
    assert_string_equal(out, "* OK retrotls ready\r\n");
    protocol_imap.refuse("no TLS", out);
    assert_string_equal(out, "* BYE retrotls: no TLS\r\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(imap_dialogues),
        cmocka_unit_test(tags_cannot_be_foretold),
        cmocka_unit_test(greetings_of_the_relay),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
