/* ManageSieve before TLS, and its second greeting after it. */
#include "tests/unit/peer.h"

#define LIST \
    "\"IMPLEMENTATION\" \"Dovecot\"\r\n\"SIEVE\" \"fileinto\"\r\n\"STARTTLS\"\r\n\"VERSION\" \"1.0\"\r\n"
#define ASKED "S" LIST "OK \"ready\"\r\n", "CSTARTTLS"

static const struct dialogue dialogues[] = {
    {"the dialogue of RFC 5804", READY, 0, {ASKED, "SOK \"begin\"\r\n"}, NULL},
    {"strings as literals, escapes, response codes",
     READY,
     0,
     {"S\"IMPLEMENTATION\" \"a \\\"b\\\\ {5}\"\r\n{5}\r\nSIEVE {4}\r\nx\r\ny\r\n\"starttls\"\r\nok (TAG "
      "{3}\r\na)b (\"(\" x)) {2}\r\nhi\r\n",
      "CSTARTTLS", "SOk (WARNINGS) {5}\r\nbegin\r\n"},
     NULL},
    {"no text", READY, 0, {"S\"SIEVE\"\r\n\"STARTTLS\"\r\nOK\r\n", "CSTARTTLS", "SOK\r\n"}, NULL},

    {"A1: no offer", NOT_OFFERED, FAILURE_NOT_OFFERED, {"S\"SIEVE\" \"x\"\r\nOK\r\n"}, "lack STARTTLS"},
    {"A3: NO",
     NOT_OFFERED,
     FAILURE_REFUSED,
     {ASKED, "SNO (TRYLATER) \"not now\"\r\n"},
     "'NO (TRYLATER) ?not now?' to"},
    {"A4: other words",
     NOT_OFFERED,
     FAILURE_NOT_OFFERED,
     {"S\"XSTARTTLS\"\r\n\"STARTTLSX\"\r\n\"SIEVE\" \"STARTTLS\"\r\n{8}\r\nSTARTTLS\r\n\"STARTTLS "
      "\"\r\nOK\r\n"},
     NULL},

    {"B1: another word", FAILED, FAILURE_MALFORMED, {ASKED, "SOKAY\r\n"}, NULL},
    {"B1: a list",
     FAILED,
     FAILURE_UNEXPECTED,
     {ASKED, "S\"SIEVE\" \"x\"\r\nOK\r\n"},
     "a list of capabilities"},
    {"B1: BYE", FAILED, FAILURE_SERVICE_REFUSED, {ASKED, "SBYE \"no\"\r\n"}, NULL},
    {"B1: a number", FAILED, FAILURE_MALFORMED, {ASKED, "S220 go\r\n"}, NULL},
    {"B1: a continuation", FAILED, FAILURE_MALFORMED, {ASKED, "S+ go\r\n"}, NULL},
    {"B1: an empty line", FAILED, FAILURE_MALFORMED, {ASKED, "S\r\n"}, NULL},
    {"B2: the reply before the question",
     FAILED,
     FAILURE_EARLY_BYTES,
     {"S" LIST "OK\r\nOK \"begin\"\r\n"},
     "STARTTLS"},
    {"C1: bytes behind the reply",
     FAILED,
     FAILURE_LATE_BYTES,
     {ASKED, "SOK\r\n\"SASL\" \"PLAIN\"\r\nOK\r\n"},
     NULL},
    {"C1: a fragment behind the reply", FAILED, FAILURE_LATE_BYTES, {ASKED, "SOK\r\n\""}, NULL},
    {"C2: a success behind a refusal", FAILED, FAILURE_LATE_BYTES, {ASKED, "SNO\r\nOK\r\n"}, NULL},
    {"C2: bytes behind no offer", FAILED, FAILURE_LATE_BYTES, {"S\"SIEVE\"\r\nOK\r\nOK\r\n"}, NULL},

    {"D3: BYE", FAILED, FAILURE_SERVICE_REFUSED, {"SBYE \"busy\"\r\n"}, "it said 'BYE ?busy?'"},
    {"D3: NO behind a list", FAILED, FAILURE_SERVICE_REFUSED, {"S" LIST "NO\r\n"}, NULL},
    {"D3: OK with no list", FAILED, FAILURE_MALFORMED, {"SOK \"ready\"\r\n"}, NULL},
    {"D3: garbage", FAILED, FAILURE_MALFORMED, {"S* OK hello\r\n"}, NULL},
    {"D3: two greetings", FAILED, FAILURE_EARLY_BYTES, {"S" LIST "OK\r\n" LIST "OK\r\n"}, NULL},
    {"D3: closes", FAILED, FAILURE_CLOSED, {"S" LIST, "X"}, NULL},
    {"closes when asked for TLS", FAILED, FAILURE_CLOSED, {ASKED, "X"}, NULL},

    {"F2: an endless list", FAILED, FAILURE_LINES_LIMIT, {"E\"STARTTLS\"\r\n"}, NULL},
    {"F2: endless literals", FAILED, FAILURE_LINES_LIMIT, {ASKED, "E{1}\r\nx\r\n"}, NULL},
    {"F2: a long list",
     FAILED,
     FAILURE_GREETING_LIMIT,
     {"E\"SIEVE\" \"012345678901234567890123456789012345678901234567890123\"\r\n"},
     NULL},
    {"F2: a long literal", FAILED, FAILURE_GREETING_LIMIT, {"S\"SIEVE\" {5000}\r\n"}, NULL},
    {"F2: a long literal in the reply", FAILED, FAILURE_DIALOGUE_LIMIT, {ASKED, "SOK {131072}\r\n"}, NULL},
    {"F2: an endless line", FAILED, FAILURE_LINE_LIMIT, {"E\"SIEVE"}, NULL},
    {"F2: a literal of 4 GiB", FAILED, FAILURE_MALFORMED, {"S\"SIEVE\" {4294967296}\r\n"}, NULL},
    {"F2: a literal of -1", FAILED, FAILURE_MALFORMED, {ASKED, "SOK {-1}\r\n"}, NULL},
    {"F2: a literal of a client's form", FAILED, FAILURE_MALFORMED, {ASKED, "SOK {1+}\r\nx\r\n"}, NULL},
    {"F2: a literal within the line", FAILED, FAILURE_MALFORMED, {ASKED, "SOK {1} \r\nx\r\n"}, NULL},
    {"F2: a literal that never comes", FAILED, FAILURE_CLOSED, {"S\"SIEVE\" {5}\r\nab", "X"}, NULL},
    {"F2: nor in the reply", FAILED, FAILURE_CLOSED, {ASKED, "SOK {5}\r\nab", "X"}, NULL},
    {"F2: no closing quote", FAILED, FAILURE_MALFORMED, {"S\"SIEVE\r\nOK\r\n"}, NULL},
    {"F2: an escape at the end", FAILED, FAILURE_MALFORMED, {"S\"SIEVE\\\r\nOK\r\n"}, NULL},
    {"F2: no closing quote of the value", FAILED, FAILURE_MALFORMED, {"S\"SIEVE\" \"x\r\nOK\r\n"}, NULL},
    {"F2: no closing parenthesis", FAILED, FAILURE_MALFORMED, {ASKED, "SOK (TAG (x)\r\n"}, NULL},
    {"F2: a bad string in a code", FAILED, FAILURE_MALFORMED, {ASKED, "SOK (TAG \"x)\r\n"}, NULL},
    {"F2: a word after the status", FAILED, FAILURE_MALFORMED, {ASKED, "SOK begin\r\n"}, NULL},
    {"F2: a word after the text", FAILED, FAILURE_MALFORMED, {ASKED, "SOK \"begin\" now\r\n"}, NULL},
    {"F2: a word after a capability", FAILED, FAILURE_MALFORMED, {"S\"SIEVE\" \"x\" \"y\"\r\nOK\r\n"}, NULL},
    {"F2: NUL", FAILED, FAILURE_BYTE, {"S\"SIEVE%0\"\r\nOK\r\n"}, NULL},
    {"F2: bare LF", FAILED, FAILURE_BYTE, {"S\"SIEVE\"\nOK\r\n"}, NULL},
    {"F2: bare CR", FAILED, FAILURE_BYTE, {ASKED, "SOK\r\"x\"\r\n"}, NULL},
};

static void sieve_dialogues(void **state)
{
    (void)state;
    check_dialogues(dialogues, sizeof dialogues / sizeof dialogues[0], PROTOCOL_SIEVE);
}

/* In plaintext the program gets the whole list, byte for byte, literals included. */
static void the_list_is_kept_as_it_came(void **state)
{
    static const char list[] = "\"IMPLEMENTATION\" {6}\r\na\r\n\"b\"\r\n\"SIEVE\" \"x\"\r\nOK {2}\r\nhi\r\n";
    const struct settings settings = {
        .level = LEVEL_MAY, .protocol = PROTOCOL_SIEVE, .timeout = 30, .greeting_timeout = 30};
    const struct local_address local = peer_loopback();
    struct result r;
    char step[128] = "S";

    (void)state;
    strcat(step, list);
    negotiate_with(&r, &settings, 4190, true, &local, (const char *[]){step, NULL});
    assert_int_equal(r.outcome, NOT_OFFERED);
    assert_int_equal(r.greeting.raw_length, sizeof list - 1);
    assert_memory_equal(r.greeting.raw, list, sizeof list - 1);
}

static size_t second_greeting(const char *const *script, char *out, size_t size, struct failure *why)
{
    struct transport transport;
    struct plain plain = {.transport = &transport,
                          .program = -1,
                          .server = "mail.example.org",
                          .deadline = plain_now() + 30000};
    struct peer peer;
    pthread_t thread;
    int client;
    size_t length;

    *why = (struct failure){.kind = FAILURE_NONE};
    peer_start(&peer, &thread, script, true, &client);
    transport_over_socket(&transport, client);
    length = protocol_sieve.greet_over_tls(&plain, out, size, why);
    close(client);
    pthread_join(thread, NULL);
    return length;
}

/* The list that comes over TLS is the program's greeting. Without it there is no session. */
static void the_second_greeting(void **state)
{
    static const char list[] = "\"SIEVE\" {4}\r\na\r\nb\r\n\"SASL\" \"PLAIN\"\r\nOK\r\n";
    char step[128] = "S", out[2048];
    struct failure why;

    (void)state;
    strcat(step, list);
    assert_int_equal(second_greeting((const char *[]){step, NULL}, out, sizeof out, &why), sizeof list - 1);
    assert_memory_equal(out, list, sizeof list - 1);
    assert_int_equal(why.kind, FAILURE_NONE);
    assert_int_equal(second_greeting((const char *[]){step, NULL}, out, sizeof list - 1, &why),
                     sizeof list - 1);
    assert_int_equal(second_greeting((const char *[]){step, NULL}, out, sizeof list - 2, &why), 0);
    assert_int_equal(why.kind, FAILURE_GREETING_LIMIT);
    assert_int_equal(second_greeting((const char *[]){"SBYE \"x\"\r\n", NULL}, out, sizeof out, &why), 0);
    assert_int_equal(why.kind, FAILURE_SERVICE_REFUSED);
    assert_int_equal(second_greeting((const char *[]){"X", NULL}, out, sizeof out, &why), 0);
    assert_int_equal(why.kind, FAILURE_CLOSED);
}

static void failure_greeting(void **state)
{
    char out[GREETING_LIMIT];

    (void)state;
    protocol_sieve.refuse("no TLS", out);
    assert_string_equal(out, "BYE \"retrotls: no TLS\"\r\n");
    assert_null(protocol_sieve.greet);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sieve_dialogues),
        cmocka_unit_test(the_list_is_kept_as_it_came),
        cmocka_unit_test(the_second_greeting),
        cmocka_unit_test(failure_greeting),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
