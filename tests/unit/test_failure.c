/*
 * The table of failure texts: each tells a person something, fits where it has to go, cannot be forged, and
 * (if it is about the dialogue) is reached by some dialogue.
 */
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "tests/unit/peer.h"
#include "tests/unit/walls.h"

static void outside_words_are_cleaned(void **state)
{
    static const char all[] = "a\r\nb\t\x1b[1m\"c\\d\x7f\x80\xff~ ";
    char out[CLEAN_FIELD_LIMIT + 8], small[4] = "zzz";
    char longer[200];

    (void)state;
    assert_string_equal(clean_text(out, sizeof out, all, sizeof all), "a??b??[1m?c?d???~ ?");
    assert_string_equal(clean_text(out, sizeof out, "", 0), "");
    memset(longer, 'x', sizeof longer);
    clean_text(out, sizeof out, longer, sizeof longer);
    assert_int_equal(strlen(out), CLEAN_FIELD_LIMIT);
    assert_string_equal(clean_text(small, sizeof small, longer, sizeof longer), "xxx");
    assert_ptr_equal(clean_text(small, 0, longer, sizeof longer), small);
    assert_string_equal(small, "xxx");
    assert_string_equal(clean_text(small, 1, longer, sizeof longer), "");
}

static void a_failure_is_words_in_their_places(void **state)
{
    struct failure why = {.kind = FAILURE_NONE};

    (void)state;
    fail(&why, FAILURE_LOST, "mail\r\n.x", "100%s \"sure\"");
    assert_int_equal(why.kind, FAILURE_LOST);
    assert_string_equal(why.text,
                        "connection to mail??.x lost before the session began: 100%s ?sure?; check the "
                        "network, then try again");
    fail(&why, FAILURE_CLOSED, "other"); /* the first cause stays */
    assert_int_equal(why.kind, FAILURE_LOST);
    why.kind = FAILURE_NONE;
    fail(&why, FAILURE_LOST, "mail.x"); /* one argument missing */
    assert_non_null(strstr(why.text, "began: ?;"));
    assert_string_equal(failure_name(FAILURE_LOST), "FAILURE_LOST");
    assert_string_equal(failure_name(FAILURE_NONE), "");
    assert_string_equal(failure_format(FAILURE_NONE), "");
    assert_string_equal(failure_name(FAILURE_KINDS), "");
    assert_string_equal(failure_format(FAILURE_KINDS), "");
}

/* The longest arguments must not push out the remedy, and a text must be valid in every protocol's string. */
static void every_text_is_sound(void **state)
{
    char word[300];

    (void)state;
    memset(word, '"', sizeof word - 1);
    word[sizeof word - 1] = '\0';
    for (enum failure_kind kind = FAILURE_NONE + 1; kind < FAILURE_KINDS; kind++) {
        const char *format = failure_format(kind), *rest = format;
        const char *end = format + strlen(format) - 10;
        struct failure why = {.kind = FAILURE_NONE};
        size_t words = 0;

        if (!strchr(format, ';') || format[0] == '%' || strpbrk(format, "\"\\"))
            fail_msg("%s: %s", failure_name(kind), format);
        for (; *rest; rest++) {
            assert_true(*rest >= 0x20 && *rest <= 0x7e);
            if (*rest == '%') {
                assert_int_equal(rest[1], 's');
                words++;
            }
        }
        assert_true(words > 0);
        fail(&why, kind, word, word, word, word, word, word, word, word);
        if (!strstr(why.text, strstr(end, "%s") ? "?" : end))
            fail_msg("%s is too long: %s", failure_name(kind), why.text);
        for (enum protocol_kind p = PROTOCOL_SMTP; p < PROTOCOL_KINDS; p++) {
            char out[GREETING_LIMIT];
            const size_t length = protocol_by_kind(p)->refuse(why.text, out);

            assert_int_equal(length, strlen(out));
            assert_non_null(strstr(out, why.text));
            assert_ptr_equal(strchr(out, '\n'), out + length - 1);
            assert_ptr_equal(strchr(out, '\r'), out + length - 2);
        }
    }
}

/* Whatever the text, the greeting is one line of its protocol, with one string in it. */
static void a_refusal_cannot_be_forged(void **state)
{
    static char text[2000];

    (void)state;
    memset(text, 'x', sizeof text - 1);
    memcpy(text, "a\r\n220 b\"\\\x01\xff", 12);
    for (enum protocol_kind p = PROTOCOL_SMTP; p < PROTOCOL_KINDS; p++) {
        char out[GREETING_LIMIT];
        const size_t length = protocol_by_kind(p)->refuse(text, out);

        assert_int_equal(length, GREETING_LIMIT - 1);
        assert_int_equal(strlen(out), length);
        assert_ptr_equal(strchr(out, '\n'), out + length - 1);
        assert_non_null(strstr(out, "retrotls: a??220 b????x"));
        if (p == PROTOCOL_SIEVE)
            assert_ptr_equal(strchr(strchr(out, '"') + 1, '"'), out + length - 3);
    }
}

/* A dialogue for each text about the dialogue. */
static const struct {
    enum failure_kind kind;
    enum protocol_kind protocol;
    const char *script[6];
} reached[] = {
    {FAILURE_TIMEOUT, PROTOCOL_SMTP, {NULL}},
    {FAILURE_CLOSED, PROTOCOL_SMTP, {"X"}},
    {FAILURE_LOST, PROTOCOL_POP3, {"S+OK\r\n", "R"}},
    {FAILURE_LINE_LIMIT, PROTOCOL_SMTP, {"E220 "}},
    {FAILURE_LINES_LIMIT, PROTOCOL_SMTP, {"E220-\r\n"}},
    {FAILURE_DIALOGUE_LIMIT, PROTOCOL_IMAP, {"S* OK\r\n", "C%t CAPABILITY", "S* X {999999}\r\n"}},
    {FAILURE_GREETING_LIMIT, PROTOCOL_SMTP, {"E220-%9\r\n"}},
    {FAILURE_BYTE, PROTOCOL_SMTP, {"S\n"}},
    {FAILURE_MALFORMED, PROTOCOL_SMTP, {"Shello\r\n"}},
    {FAILURE_SERVICE_REFUSED, PROTOCOL_SMTP, {"S421 no\r\n"}},
    {FAILURE_NO_MAIL, PROTOCOL_AUTO, {"Shello\r\n"}},
    {FAILURE_NOT_OFFERED, PROTOCOL_SIEVE, {"S\"SIEVE\"\r\nOK\r\n"}},
    {FAILURE_CAPABILITIES_REFUSED, PROTOCOL_POP3, {"S+OK\r\n", "CCAPA", "S-ERR\r\n"}},
    {FAILURE_REFUSED, PROTOCOL_SIEVE, {"S\"STARTTLS\"\r\nOK\r\n", "CSTARTTLS", "SNO\r\n"}},
    {FAILURE_PREAUTH, PROTOCOL_IMAP, {"S* PREAUTH\r\n"}},
    {FAILURE_UNEXPECTED, PROTOCOL_POP3, {"S+OK\r\n", "CCAPA", "S+X\r\n"}},
    {FAILURE_EARLY_BYTES, PROTOCOL_POP3, {"S+OK\r\n+OK\r\n"}},
    {FAILURE_LATE_BYTES, PROTOCOL_SIEVE, {"S\"SIEVE\"\r\nOK\r\nx"}},
    {FAILURE_PROGRAM_GONE, PROTOCOL_SMTP, {NULL}},
    {FAILURE_RANDOM, PROTOCOL_IMAP, {"S* OK\r\n"}},
};

static struct result dialogue_that_reaches(size_t i)
{
    const struct settings settings = {
        .level = LEVEL_SECURE,
        .protocol = reached[i].protocol,
        .timeout = 30,
        .greeting_timeout = reached[i].kind == FAILURE_TIMEOUT ? 1 : 30,
    };
    const struct local_address local = peer_loopback();
    struct result r;
    int pair[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    if (reached[i].kind == FAILURE_PROGRAM_GONE)
        shutdown(pair[0], SHUT_RDWR);
    negotiate_for(pair[1], &r, &settings, 4711, false, &local, reached[i].script);
    close(pair[0]);
    close(pair[1]);
    return r;
}

/* Makes getrandom(2) fail in this process for good. */
static void forbid_getrandom(void)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getrandom, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const struct sock_fprog program = {.len = sizeof code / sizeof code[0], .filter = code};

    assert_int_equal(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
    assert_int_equal(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
}

static struct result in_a_process_without_random_bytes(size_t i)
{
    struct result r;
    int channel[2], status;
    pid_t child;

    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, channel), 0);
    child = fork();
    if (child == 0) {
        forbid_getrandom();
        r = dialogue_that_reaches(i);
        _exit(send(channel[0], &r.why, sizeof r.why, 0) == (ssize_t)sizeof r.why ? 0 : 1);
    }
    assert_true(child > 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    r = (struct result){.outcome = FAILED};
    assert_int_equal(recv(channel[1], &r.why, sizeof r.why, 0), sizeof r.why);
    close(channel[0]);
    close(channel[1]);
    return r;
}

static void every_text_of_the_dialogue_is_reached(void **state)
{
#define SEEN(kind, text) kind,
    static const enum failure_kind wanted[] = {FAILURES_OF_DIALOGUE(SEEN)};
#undef SEEN
    const bool all = walls_can_filter();
    bool seen[FAILURE_KINDS] = {false};

    (void)state;
    for (size_t i = 0; i < sizeof reached / sizeof reached[0]; i++) {
        const bool filtered = reached[i].kind == FAILURE_RANDOM;
        const struct result r = !filtered ? dialogue_that_reaches(i)
                                : all     ? in_a_process_without_random_bytes(i)
                                          : (struct result){.outcome = FAILED};

        if (filtered && !all)
            continue;
        assert_string_equal(failure_name(r.why.kind), failure_name(reached[i].kind));
        assert_non_null(strstr(r.why.text, "mail.example.org"));
        assert_null(strstr(r.why.text, "%s"));
        seen[r.why.kind] = true;
    }
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        if (!seen[wanted[i]] && (all || wanted[i] != FAILURE_RANDOM))
            fail_msg("no dialogue reaches %s", failure_name(wanted[i]));
    }
    if (!all) {
        print_message("%s is not tried: there are no filters of system calls\n",
                      failure_name(FAILURE_RANDOM));
        skip();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(outside_words_are_cleaned),
        cmocka_unit_test(a_failure_is_words_in_their_places),
        cmocka_unit_test(every_text_is_sound),
        cmocka_unit_test(a_refusal_cannot_be_forged),
        cmocka_unit_test(every_text_of_the_dialogue_is_reached),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
