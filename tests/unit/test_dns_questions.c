/* Names that programs with a resolver of their own ask for: what a supervisor makes of their messages. */
#include <string.h>

#include "preload/names/lineage.h"
#include "supervise/dns/questions.h"
#include "tests/unit/dns_messages.h"
#include "tests/unit/names_helpers.h"

static struct questions q;
static uint64_t process;

static void question(unsigned id, const char *name, unsigned type)
{
    start_message(id, 0x0100, 0, name, type);
    assert_true(questions_note(&q, message.bytes, message.length));
}

static bool answer(unsigned id, const char *name, const char *address)
{
    struct in_addr bytes;

    start_message(id, 0x8180, 1, name, A);
    assert_int_equal(inet_pton(AF_INET, address, &bytes), 1);
    put_record(A, IN, &bytes, 4);
    return questions_answer(&q, message.bytes, message.length);
}

/* Another process than any before has made a socket. */
static int fresh(void **state)
{
    names_start();
    process = names_now();
    *state = NULL;
    q = (struct questions){.asker = process, .begun = names_now()};
    return 0;
}

/* The names that a connection of the asking process may be for. */
static const struct names_found *found_at(const char *address)
{
    const struct lineage asker = {.thread = process};
    const struct wire_address a = v4(address, 110);

    names_find_for(&asker, &a, &found);
    return &found;
}

static void assert_names(const char *address, const char *one, const char *other)
{
    found_at(address);
    assert_int_equal(found.count, other ? 2 : one ? 1 : 0);
    assert_false(found.lost);
    for (uint32_t i = 0; i < found.count; i++)
        assert_true((one && strcmp(found.name[i], one) == 0) || (other && strcmp(found.name[i], other) == 0));
}

static void name_asked_for_is_remembered(void **state)
{
    (void)state;
    question(1, "mail.example", A);
    assert_true(answer(1, "mail.example", "192.0.2.1"));
    assert_names("192.0.2.1", "mail.example", NULL);
    assert_names("192.0.2.2", NULL, NULL);
}

/* Programs vary the case of names to tell forged answers (draft-vixie-dnsext-dns0x20); not all servers keep
 * it. */
static void case_does_not_matter(void **state)
{
    (void)state;
    question(1, "mAIl.exAmple", A);
    assert_true(answer(1, "MAIL.example", "192.0.2.3"));
    assert_int_equal(found_at("192.0.2.3")->count, 1);
}

static void answers_to_other_questions_are_withheld(void **state)
{
    (void)state;
    assert_false(answer(1, "mail.example", "192.0.2.4"));
    question(1, "mail.example", A);
    assert_false(answer(2, "mail.example", "192.0.2.4"));
    assert_false(answer(1, "evil.example", "192.0.2.4"));
    assert_false(answer(1, "mail.example.evil", "192.0.2.4"));
    start_message(1, 0x8180, 0, "mail.example", MX);
    assert_false(questions_answer(&q, message.bytes, message.length));
    start_message(1, 0x0100, 0, "mail.example", A);
    assert_false(questions_answer(&q, message.bytes, message.length));
    assert_names("192.0.2.4", NULL, NULL);
}

static void malformed_answers_are_withheld(void **state)
{
    (void)state;
    question(1, "mail.example", A);
    start_message(1, 0x8180, 1, "mail.example", A);
    put_record(CNAME, IN, "\xc0\xff", 2);
    assert_false(questions_answer(&q, message.bytes, message.length));
    answer(1, "mail.example", "192.0.2.5");
    for (size_t length = 0; length < message.length; length++)
        assert_false(questions_answer(&q, message.bytes, length));
    assert_names("192.0.2.5", "mail.example", NULL); /* the whole one */
}

/* A message with TC may end anywhere; the program asks again over TCP. */
static void cut_answers_arrive(void **state)
{
    (void)state;
    question(1, "mail.example", A);
    answer(1, "mail.example", "192.0.2.6");
    message.bytes[2] |= 2;
    assert_true(questions_answer(&q, message.bytes, message.length - 2));
}

static void refusals_arrive(void **state)
{
    (void)state;
    question(1, "mail.example", A);
    start_message(1, 0x8183, 0, "mail.example", A);
    assert_true(questions_answer(&q, message.bytes, message.length));
    message.bytes[3] = 0x81; /* a format error, and nothing more */
    message.bytes[5] = 0;
    assert_true(questions_answer(&q, message.bytes, 12));
    message.bytes[3] = 0x80; /* an update was made */
    assert_true(questions_answer(&q, message.bytes, 12));
    message.bytes[7] = 1;
    assert_false(questions_answer(&q, message.bytes, 12));
    message.bytes[7] = 0;
    message.bytes[1] = 2;
    assert_false(questions_answer(&q, message.bytes, 12));
}

/* Only the first message need have the question. Their contents do not count. */
static void zone_transfers_arrive(void **state)
{
    enum { AXFR = 252 };

    (void)state;
    question(1, "zone.example", AXFR);
    start_message(1, 0x8180, 1, "zone.example", AXFR);
    put_record(A, IN, "\xc0\0\2\x10", 4);
    assert_true(questions_answer(&q, message.bytes, message.length));
    message.length = 0;
    put("\0\1\x81\x80\0\0\0\1\0\0\0\0\0\0\1\0\1\0\0\0\0\0\4\xc0\0\2\x10", 27);
    assert_true(questions_answer(&q, message.bytes, message.length));
    assert_names("192.0.2.16", NULL, NULL);
}

static void what_is_no_question_is_told_apart(void **state)
{
    (void)state;
    start_message(1, 0x0100, 0, "mail.example", A);
    for (size_t length = 0; length < message.length; length++)
        assert_false(questions_note(&q, message.bytes, length));
    assert_true(questions_note(&q, message.bytes, message.length));
    message.bytes[12] = 0xc0; /* compressed */
    assert_false(questions_note(&q, message.bytes, message.length));
    message.bytes[12] = 4;
    message.bytes[5] = 2;
    assert_false(questions_note(&q, message.bytes, message.length));
    message.bytes[5] = 1;
    message.bytes[2] = 0x81;
    assert_false(questions_note(&q, message.bytes, message.length));
}

/* Later ones may be a child's, which has the socket too: they do not take the place of the process's own. */
static void only_the_first_name_is_the_processes_own(void **state)
{
    (void)state;
    question(1, "bank.example", A);
    answer(1, "bank.example", "192.0.2.7");
    question(2, "evil.example", A);
    answer(2, "evil.example", "192.0.2.7");
    assert_names("192.0.2.7", "bank.example", "evil.example");
    fresh(state);
    question(1, "mail.example", A);
    answer(1, "mail.example", "192.0.2.7");
    assert_names("192.0.2.7", "mail.example", NULL); /* another process's own */
}

static void nobodys_names_all_count(void **state)
{
    (void)state;
    q.asker = 0;
    question(1, "bank.example", A);
    answer(1, "bank.example", "192.0.2.8");
    q = (struct questions){.begun = names_now()};
    question(1, "evil.example", A);
    answer(1, "evil.example", "192.0.2.8");
    assert_names("192.0.2.8", "bank.example", "evil.example");
}

static void alias_and_exchanger_are_derived(void **state)
{
    (void)state;
    question(1, "www.example", A);
    start_message(1, 0x8180, 1, "www.example", A);
    put_record(CNAME, IN, "\4evil\7example", 14);
    assert_true(questions_answer(&q, message.bytes, message.length));
    question(2, "evil.example", A);
    answer(2, "evil.example", "192.0.2.9");
    assert_names("192.0.2.9", "evil.example", "www.example");

    fresh(state);
    question(1, "domain.example", MX);
    start_message(1, 0x8180, 1, "domain.example", MX);
    put_record(MX, IN, "\0\1\2mx\7example", 14);
    assert_true(questions_answer(&q, message.bytes, message.length));
    question(2, "mx.example", A);
    answer(2, "mx.example", "192.0.2.10");
    assert_names("192.0.2.10", "mx.example", "domain.example");
}

static void name_of_an_address_is_derived(void **state)
{
    (void)state;
    question(1, "11.2.0.192.in-addr.arpa", PTR);
    start_message(1, 0x8180, 1, "11.2.0.192.in-addr.arpa", PTR);
    put_record(PTR, IN, "\3ptr\7example", 13);
    assert_true(questions_answer(&q, message.bytes, message.length));
    question(2, "ptr.example", A);
    answer(2, "ptr.example", "192.0.2.11");
    assert_names("192.0.2.11", "ptr.example", "192.0.2.11");
}

/* A search list, which the network may have set, must not make another name count. */
static void completed_name_is_derived(void **state)
{
    (void)state;
    question(1, "imap.first.example", A);
    question(2, "imap.first.example.evil.example", A);
    answer(2, "imap.first.example.evil.example", "192.0.2.12");
    assert_names("192.0.2.12", "imap.first.example.evil.example", "imap.first.example");

    fresh(state);
    question(1, "short", A);
    question(2, "short.first.example", A);
    answer(2, "short.first.example", "192.0.2.13");
    assert_names("192.0.2.13", "short.first.example", NULL);
    question(3, "first.exam", A); /* a beginning, but not of whole labels */
    question(4, "first.example", A);
    answer(4, "first.example", "192.0.2.14");
    assert_names("192.0.2.14", "first.example", NULL);
}

static void answers_to_forgotten_questions_are_withheld(void **state)
{
    (void)state;
    question(1, "old.example", A);
    for (unsigned i = 0; i < QUESTIONS_LIMIT; i++)
        question(1000 + i, "new.example", A);
    assert_false(answer(1, "old.example", "192.0.2.15"));
    assert_true(answer(1000, "new.example", "192.0.2.15"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, fresh)
    const struct CMUnitTest tests[] = {
        TEST(name_asked_for_is_remembered),
        TEST(case_does_not_matter),
        TEST(answers_to_other_questions_are_withheld),
        TEST(malformed_answers_are_withheld),
        TEST(cut_answers_arrive),
        TEST(refusals_arrive),
        TEST(zone_transfers_arrive),
        TEST(what_is_no_question_is_told_apart),
        TEST(only_the_first_name_is_the_processes_own),
        TEST(nobodys_names_all_count),
        TEST(alias_and_exchanger_are_derived),
        TEST(name_of_an_address_is_derived),
        TEST(completed_name_is_derived),
        TEST(answers_to_forgotten_questions_are_withheld),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
