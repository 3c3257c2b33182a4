/* The addresses and names in an answer from libresolv. No byte beyond the answer is read. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "preload/names/dns_answer.h"
#include "tests/unit/cmocka_all.h"
#include "tests/unit/dns_messages.h"

static void start(unsigned flags, unsigned answers, const char *name, unsigned type)
{
    start_message(0x1234, flags, answers, name, type);
}

static struct {
    unsigned count; /* of addresses */
    int family[8];
    uint8_t bytes[8][16];
    unsigned names;
    enum dns_part part[8];
    char name[8][256];
    bool good;
} got;

static void note(void *context, const struct dns_found *found)
{
    assert_ptr_equal(context, &got);
    if (found->part != DNS_ADDRESS) {
        assert_true(got.names < 8 && strlen(found->name) < sizeof got.name[0]);
        got.part[got.names] = found->part;
        strcpy(got.name[got.names++], found->name);
        return;
    }
    if (got.count < 8) {
        got.family[got.count] = found->family;
        memcpy(got.bytes[got.count], found->bytes, found->family == AF_INET ? 4 : 16);
    }
    got.count++;
}

/* Reads from memory of exactly that length, so that valgrind and ASan notice a byte too far. */
static unsigned read_answer(const uint8_t *bytes, size_t length, bool whole)
{
    uint8_t *const copy = malloc(length ? length : 1);

    assert_non_null(copy);
    memcpy(copy, bytes, length);
    got.count = got.names = 0;
    got.good = dns_answer_each(copy, length, whole, note, &got);
    free(copy);
    return got.count;
}

static unsigned answer(void)
{
    return read_answer(message.bytes, message.length, true);
}

static void addresses_behind_an_alias_are_read(void **state)
{
    (void)state;
    start(0x8180, 3, "mail.example.org", A);
    put_record(CNAME, IN, "\3net\0", 5);
    put_record(A, IN, "\xc0\0\2\1", 4);
    put_record(A, IN, "\xc0\0\2\2", 4);
    assert_int_equal(answer(), 2);
    assert_int_equal(got.family[0], AF_INET);
    assert_memory_equal(got.bytes[1], "\xc0\0\2\2", 4);
}

static void ipv6_addresses_are_read(void **state)
{
    const uint8_t address[16] = {0x20, 1, 0xd, 0xb8, [15] = 7};

    (void)state;
    start(0x8180, 1, "mail.example.org", AAAA);
    put_record(AAAA, IN, address, sizeof address);
    assert_int_equal(answer(), 1);
    assert_int_equal(got.family[0], AF_INET6);
    assert_memory_equal(got.bytes[0], address, 16);
}

static void owner_written_out_is_stepped_over(void **state)
{
    (void)state;
    start(0x8180, 1, "a.example.org", A);
    put_name("target.example.org");
    put_two(A);
    put_two(IN);
    put("\0\0\0\x3c\0\4\xc0\0\2\1", 10);
    assert_int_equal(answer(), 1);
}

/* The addresses that an MX answer adds for its hosts belong to their names, not to the one asked for. */
static void answers_to_other_questions_feed_nothing(void **state)
{
    (void)state;
    start(0x8180, 1, "example.org", MX);
    put_record(A, IN, "\xc0\0\2\1", 4);
    assert_int_equal(answer(), 0);
}

/* QTYPE * (RFC 1035, 3.2.3) asks for addresses too. */
static void addresses_in_an_answer_about_everything_are_read(void **state)
{
    (void)state;
    start(0x8180, 2, "mail.example.org", 255);
    put_record(A, IN, "\xc0\0\2\1", 4);
    put_record(TXT, IN, "\1x", 2);
    assert_int_equal(answer(), 1);
}

static void what_is_no_successful_answer_feeds_nothing(void **state)
{
    static const unsigned flags[] = {0x0100 /* a query */, 0x8183 /* NXDOMAIN */, 0x8182 /* SERVFAIL */};

    (void)state;
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
        start(flags[i], 1, "mail.example.org", A);
        put_record(A, IN, "\xc0\0\2\1", 4);
        assert_int_equal(answer(), 0);
    }
    start(0x8180, 1, "mail.example.org", A);
    put_record(A, IN, "\xc0\0\2\1", 4);
    message.bytes[5] = 2; /* two questions */
    assert_int_equal(answer(), 0);
}

/* Go and musl look at no class, musl at the lower byte of a type alone. */
static void what_only_some_programs_read_counts(void **state)
{
    (void)state;
    start(0x8180, 5, "mail.example.org", A);
    put_record(A, CHAOS, "\xc0\0\2\1", 4);
    put_record(0x100 + A, IN, "\xc0\0\2\2", 4);
    put_record(0x100 + A, IN, "\xc0\0\2", 3);
    put_record(0x100 + CNAME, IN, "\3net\0surplus", 12);
    put_record(0x100 + PTR, IN, "\xff", 1);
    assert_int_equal(answer(), 2);
    assert_true(got.good);
    assert_memory_equal(got.bytes[0], "\xc0\0\2\1", 4);
    assert_memory_equal(got.bytes[1], "\xc0\0\2\2", 4);
    assert_int_equal(got.names, 1);
    assert_string_equal(got.name[0], "net");

    start(0x8180, 1, "example.org", MX);
    put_record(MX, CHAOS, "\0\1\3mx1\0", 7);
    answer();
    assert_int_equal(got.names, 1);
    assert_string_equal(got.name[0], "mx1");
}

/* Go takes as many bytes as an address has, whatever the length says. */
static void addresses_of_other_lengths_are_malformed(void **state)
{
    static const struct {
        unsigned type, length;
    } bad[] = {{A, 0}, {A, 3}, {A, 5}, {AAAA, 4}, {AAAA, 15}, {AAAA, 17}};

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        start(0x8180, 1, "mail.example.org", bad[i].type);
        put_record(bad[i].type, IN, "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\3", bad[i].length);
        assert_int_equal(answer(), 0);
        assert_false(got.good);
    }
}

/* musl takes a byte that is not ASCII for the end of an owner's name, so it finds another record here. */
static void owners_that_programs_read_in_different_ways_are_malformed(void **state)
{
    static const uint8_t owner[] = "\x10\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\xc0\0\2\1";

    (void)state;
    start(0x8180, 1, "mail.example.org", A);
    put(owner, sizeof owner);
    put("\0\x10\0\1\0\0\0\x3c\0\2\1x", 12);
    for (size_t length = message.length - 13; length <= message.length; length++) {
        read_answer(message.bytes, length, false);
        assert_false(got.good);
    }
    start(0x8180, 1, "mail.example.org", A);
    put_name("m\xc3\xa4il");
    put("\0\1\0\1\0\0\0\x3c\0\4\xc0\0\2\1", 14);
    answer();
    assert_false(got.good);
}

static void put_counts(unsigned authorities, unsigned additional)
{
    message.bytes[9] = (uint8_t)authorities;
    message.bytes[11] = (uint8_t)additional;
}

/* A program may connect to them without asking again (RFC 1035, 3.3.9; RFC 2782). */
static void addresses_of_exchangers_come_from_the_additional_section(void **state)
{
    static const struct {
        unsigned type, length;
        const char *target;
    } records[] = {{MX, 7, "\0\1\3one\0"}, {SRV, 11, "\0\1\0\2\0\x19\3one\0"}};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        start(0x8180, 1, "example.org", records[i].type);
        put_record(records[i].type, IN, records[i].target, records[i].length);
        put_record(NS, IN, "\1a\0", 3);
        put_record(A, IN, "\xc0\0\2\1", 4); /* in the authority section */
        put_record(A, IN, "\xc0\0\2\2", 4);
        put_record(CNAME, IN, "\1b\0", 3);
        put_record(AAAA, IN, "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\3", 16);
        put_counts(2, 3);
        assert_int_equal(answer(), 2);
        assert_true(got.good);
        assert_memory_equal(got.bytes[0], "\xc0\0\2\2", 4);
        assert_int_equal(got.family[1], AF_INET6);
        assert_int_equal(got.names, 1);
        assert_string_equal(got.name[0], "one");
        assert_int_equal(got.part[0], DNS_EXCHANGER);
        put_counts(2, 4); /* counts a record that is missing */
        answer();
        assert_false(got.good);
        read_answer(message.bytes, message.length, false);
        assert_true(got.good);
    }
}

/* In other answers, the authority and additional sections do not count. */
static void only_the_answer_section_is_read(void **state)
{
    (void)state;
    start(0x8180, 1, "mail.example.org", A);
    put_record(A, IN, "\xc0\0\2\1", 4);
    put_record(A, IN, "\xc0\0\2\2", 4);
    put_counts(0, 1);
    assert_int_equal(answer(), 1);
}

static void every_truncation_ends_it(void **state)
{
    (void)state;
    start(0x8180, 3, "mail.example.org", A);
    put_record(A, IN, "\xc0\0\2\1", 4);
    put_record(CNAME, IN, "\3net\0", 5);
    put_record(A, IN, "\xc0\0\2\2", 4);
    for (size_t length = 0; length < message.length; length++) {
        assert_in_range(read_answer(message.bytes, length, false), 0, 1);
        assert_true(got.good);
        read_answer(message.bytes, length, true);
        assert_true(got.good == (length < 12)); /* no answer at all, or one that is cut short */
    }
    assert_int_equal(answer(), 2);
    assert_true(got.good);
}

static void every_changed_byte_is_survived(void **state)
{
    static const uint8_t values[] = {0, 1, 0x3f, 0x40, 0x7f, 0x80, 0xc0, 0xff};

    (void)state;
    start(0x8180, 2, "mail.example.org", A);
    put_record(A, IN, "\xc0\0\2\1", 4);
    put_record(A, IN, "\xc0\0\2\2", 4);
    for (size_t i = 0; i < message.length; i++) {
        const uint8_t before = message.bytes[i];
        for (size_t v = 0; v < sizeof values; v++) {
            message.bytes[i] = values[v];
            assert_in_range(answer(), 0, 2);
        }
        message.bytes[i] = before;
    }
}

static void full_answer_is_read_to_its_end(void **state)
{
    const unsigned most = (unsigned)(sizeof message.bytes - 40) / 16;

    (void)state;
    start(0x8180, most, "mail.example.org", A);
    for (unsigned i = 0; i < most; i++)
        put_record(A, IN, "\xc0\0\2\1", 4);
    assert_int_equal(answer(), most);
}

static void names_are_read_with_what_they_are(void **state)
{
    (void)state;
    start(0x8180, 4, "example.org", MX);
    put_record(CNAME, IN, "\5alias\xc0\x0c", 8);
    put_record(MX, IN, "\0\x0a\3MX1\7example\3net\0", 19);
    put_record(SRV, IN, "\0\1\0\2\0\x8f\4imap\xc0\x0c", 13);
    put_record(MX, IN, "\0\0\0", 3); /* RFC 7505: no mail */
    assert_int_equal(answer(), 0);
    assert_true(got.good);
    assert_int_equal(got.names, 3);
    assert_true(got.part[0] == DNS_ALIAS && got.part[1] == DNS_EXCHANGER && got.part[2] == DNS_EXCHANGER);
    assert_string_equal(got.name[0], "alias.example.org");
    assert_string_equal(got.name[1], "MX1.example.net");
    assert_string_equal(got.name[2], "imap.example.org");
}

/* A program that unpacks names itself may see dots and ends where there are none. */
static void names_are_read_as_a_careless_program_does(void **state)
{
    (void)state;
    start(0x8180, 2, "example.org", MX);
    put_record(MX, IN,
               "\0\x0a\x0c"
               "evil.example\0",
               16);
    put_record(MX, IN,
               "\0\x0a\x0e"
               "evil.example\0x\0",
               18);
    answer();
    assert_int_equal(got.names, 2);
    assert_string_equal(got.name[0], "evil.example");
    assert_string_equal(got.name[1], "evil.example");
}

static void malformed_names_are_told(void **state)
{
    static const struct {
        const char *bytes;
        unsigned length;
    } bad[] = {
        {"\0\x0a", 2},              /* no name */
        {"\0\x0a\3mx1", 6},         /* no end */
        {"\0\x0a\3mx1\0\0", 8},     /* surplus bytes */
        {"\0\x0a\x40mx1\0", 7},     /* an unknown kind of label */
        {"\0\x0a\xff\xff", 4},      /* beyond the end */
        {"\0\x0a\xc0\x1d\0", 5},    /* two ends */
        {"\0\x0a\3mx1\xc0\x2b", 8}, /* a loop: points to itself */
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        start(0x8180, 1, "example.org", MX);
        put_record(MX, IN, bad[i].bytes, bad[i].length);
        answer();
        assert_false(got.good || got.names);
        /* The same for the part of an answer that fits the buffer of a program with too little room. */
        read_answer(message.bytes, message.length, false);
        assert_int_equal(got.names, 0);
    }
    start(0x8180, 1, "example.org", TXT);
    put_record(TXT, IN, "\xff", 1); /* not a type that we read */
    answer();
    assert_true(got.good);
}

static void name_asked_for_is_dotted(void **state)
{
    char name[256];

    (void)state;
    start(0x0100, 0, "Mail.Example.org", A);
    assert_true(dns_question_name(message.bytes, message.length, name, sizeof name));
    assert_string_equal(name, "Mail.Example.org");
    for (size_t length = 0; length < 12 + 18; length++)
        assert_false(dns_question_name(message.bytes, length, name, sizeof name));
}

static void name_that_no_certificate_has_is_refused(void **state)
{
    char name[256], small[16];

    (void)state;
    start(0x0100, 0, "", A);
    assert_false(dns_question_name(message.bytes, message.length, name, sizeof name));
    start(0x0100, 0, "mail.example.org", A);
    assert_false(dns_question_name(message.bytes, message.length, small, sizeof small)); /* it needs 17 */
    for (size_t i = 0; i < 4; i++) {
        static const uint8_t bad[] = {0, ' ', '.', 0x80};
        start(0x0100, 0, "mail.example.org", A);
        message.bytes[14] = bad[i];
        assert_false(dns_question_name(message.bytes, message.length, name, sizeof name));
    }
    start(0x0100, 0, "mail.example.org", A);
    message.bytes[12] = 0xc0; /* a pointer */
    assert_false(dns_question_name(message.bytes, message.length, name, sizeof name));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_behind_an_alias_are_read),
        cmocka_unit_test(ipv6_addresses_are_read),
        cmocka_unit_test(owner_written_out_is_stepped_over),
        cmocka_unit_test(answers_to_other_questions_feed_nothing),
        cmocka_unit_test(addresses_in_an_answer_about_everything_are_read),
        cmocka_unit_test(what_is_no_successful_answer_feeds_nothing),
        cmocka_unit_test(what_only_some_programs_read_counts),
        cmocka_unit_test(addresses_of_other_lengths_are_malformed),
        cmocka_unit_test(owners_that_programs_read_in_different_ways_are_malformed),
        cmocka_unit_test(addresses_of_exchangers_come_from_the_additional_section),
        cmocka_unit_test(only_the_answer_section_is_read),
        cmocka_unit_test(every_truncation_ends_it),
        cmocka_unit_test(every_changed_byte_is_survived),
        cmocka_unit_test(full_answer_is_read_to_its_end),
        cmocka_unit_test(names_are_read_with_what_they_are),
        cmocka_unit_test(names_are_read_as_a_careless_program_does),
        cmocka_unit_test(malformed_names_are_told),
        cmocka_unit_test(name_asked_for_is_dotted),
        cmocka_unit_test(name_that_no_certificate_has_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
