/* What one side writes the other reads unchanged, and nothing malformed gets through. */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/cmocka_all.h"
#include "wire/fields.h"
#include "wire/wire.h"

static _Alignas(8) uint8_t message[WIRE_MESSAGE_LIMIT];

static struct guard_request sample(void)
{
    return (struct guard_request){
        .token = "0123456789abcde",
        .cookie = 0x1122334455667788,
        .pid = 42,
        .pending = WIRE_PENDING_REPORTED,
        .filler = 219264,
        .asked_address = {.family = 2, .port = 143, .bytes = {127, 0, 0, 1}},
        .program = "/usr/bin/mutt",
        .failure = "/etc/retrotls/policy:3:1: unknown word",
        .asked = {.count = 2, .item = {"imap.example.org", "mail.example.org"}},
        .settings = {.level = LEVEL_FINGERPRINT,
                     .protocol = PROTOCOL_IMAP,
                     .timeout = 60,
                     .greeting_timeout = 300,
                     .ca_file = "/etc/ca.pem",
                     .rule = "/etc/retrotls/policy:3",
                     .fingerprints = {.count = 1, .item = {"sha256:00"}}},
    };
}

static void guard_request_survives_the_wire(void **state)
{
    const struct guard_request sent = sample();
    struct guard_request got;
    const size_t length = wire_write_guard(message, &sent);

    (void)state;
    assert_true(length > 0);
    assert_int_equal(wire_type_of(message, length), WIRE_GUARD);
    assert_true(wire_read_guard(&got, message, length));
    assert_memory_equal(got.token, sent.token, sizeof sent.token);
    assert_true(got.cookie == sent.cookie && got.pid == 42 && got.pending == WIRE_PENDING_REPORTED &&
                got.filler == 219264);
    assert_int_equal(got.asked_address.port, 143);
    assert_string_equal(got.program, "/usr/bin/mutt");
    assert_string_equal(got.failure, sent.failure);
    assert_int_equal(got.asked.count, 2);
    assert_string_equal(got.asked.item[1], "mail.example.org");
    assert_int_equal(got.settings.level, LEVEL_FINGERPRINT);
    assert_int_equal(got.settings.greeting_timeout, 300);
    assert_string_equal(got.settings.ca_file, "/etc/ca.pem");
    assert_null(got.settings.ca_dir);
    assert_string_equal(got.settings.fingerprints.item[0], "sha256:00");
}

static void every_truncation_is_refused(void **state)
{
    const struct guard_request sent = sample();
    struct guard_request got;
    const size_t length = wire_write_guard(message, &sent);

    (void)state;
    for (size_t cut = 0; cut < length; cut++)
        assert_false(wire_read_guard(&got, message, cut));
}

static void text_with_an_inner_nul_is_refused(void **state)
{
    const struct guard_request sent = sample();
    struct guard_request got;
    const size_t length = wire_write_guard(message, &sent);
    uint8_t *program = memmem(message, length, "/usr/bin/mutt", 13);

    (void)state;
    assert_non_null(program);
    program[4] = 0;
    assert_false(wire_read_guard(&got, message, length));
}

/* No flipped byte may crash the reader or make it read outside the message (run under ASan). */
static void flipped_bytes_never_crash(void **state)
{
    const struct guard_request sent = sample();
    struct guard_request got;
    const size_t length = wire_write_guard(message, &sent);
    uint8_t *copy = malloc(length);

    (void)state;
    assert_non_null(copy);
    for (size_t i = 0; i < length; i++) {
        memcpy(copy, message, length);
        copy[i] ^= 0xff;
        if (wire_read_guard(&got, copy, length) && got.program)
            assert_true(strlen(got.program) < WIRE_TEXT_LIMIT);
    }
    free(copy);
}

static void too_much_does_not_fit(void **state)
{
    static char path[WIRE_TEXT_LIMIT];
    struct guard_request sent = sample();

    (void)state;
    memset(path, 'x', sizeof path - 1);
    for (int i = 0; i < SETTINGS_LIST_LIMIT; i++)
        sent.settings.names.item[i] = path;
    sent.settings.names.count = SETTINGS_LIST_LIMIT;
    assert_int_equal(wire_write_guard(message, &sent), 0);
}

static void option_and_reply_survive_the_wire(void **state)
{
    const struct option_request sent = {
        .cookie = 7, .level = 6, .name = 1, .size = 4, .value = (const uint8_t *)"\1\0\0", .value_length = 4};
    const struct wire_reply answer = {.error = 92};
    struct option_request got;
    struct wire_reply reply;
    size_t length = wire_write_option(message, WIRE_SET_OPTION, &sent);

    (void)state;
    assert_true(wire_read_option(&got, message, length));
    assert_true(got.cookie == 7 && got.level == 6 && got.name == 1 && got.size == 4 && got.value_length == 4);
    length = wire_write_reply(message, &answer);
    assert_true(wire_read_reply(&reply, message, length));
    assert_int_equal(reply.error, 92);
    assert_int_equal(reply.value_length, 0);
}

static void a_status_entry_survives_the_wire(void **state)
{
    const struct wire_connection sent = {.pid = 7,
                                         .stage = WIRE_TLS,
                                         .level = LEVEL_SECURE,
                                         .address = {.family = 10, .port = 993, .scope = 2},
                                         .age = UINT64_C(1) << 40,
                                         .up = 1,
                                         .down = UINT64_MAX,
                                         .server = "imap.example.org",
                                         .version = "TLSv1.3"};
    struct wire_connection got;
    const size_t length = wire_write_connection(message, &sent);

    (void)state;
    assert_int_equal(wire_type_of(message, length), WIRE_CONNECTION);
    assert_true(wire_read_connection(&got, message, length));
    assert_true(got.pid == 7 && got.stage == WIRE_TLS && got.level == LEVEL_SECURE && got.address.scope == 2);
    assert_true(got.age == sent.age && got.up == 1 && got.down == UINT64_MAX);
    assert_string_equal(got.server, "imap.example.org");
    assert_string_equal(got.version, "TLSv1.3");
    assert_null(got.program);
    for (size_t cut = 0; cut < length; cut++)
        assert_false(wire_read_connection(&got, message, cut));
    assert_false(wire_read_connection(&got, message, wire_write_status(message)));
}

/* A relay answers with a message for each of its connections. Each is bounded, whatever its texts are. */
static void a_status_entry_is_bounded(void **state)
{
    static char text[WIRE_TEXT_LIMIT + 1];
    struct wire_connection sent = {
        .program = text, .server = text, .protocol = text, .version = text, .cipher = text};
    struct wire_connection got;
    size_t length;

    (void)state;
    memset(text, 'x', WIRE_TEXT_LIMIT - 1);
    length = wire_write_connection(message, &sent);
    assert_in_range(length, 5 * WIRE_TEXT_LIMIT, WIRE_MESSAGE_LIMIT);
    assert_true(wire_read_connection(&got, message, length));
    assert_string_equal(got.cipher, text);
    text[WIRE_TEXT_LIMIT - 1] = 'x';
    assert_int_equal(wire_write_connection(message, &sent), 0);
}

/* A number that stands for a name must be in its table. */
static void a_status_entry_of_unknown_numbers_is_malformed(void **state)
{
    const struct wire_connection good = {.stage = WIRE_REFUSED, .level = LEVEL_FINGERPRINT};
    const struct wire_connection bad[] = {{.stage = WIRE_STAGES},
                                          {.level = (enum level)(LEVEL_FINGERPRINT + 1)}};
    struct wire_connection got;

    (void)state;
    assert_true(wire_read_connection(&got, message, wire_write_connection(message, &good)));
    for (size_t i = 0; i < 2; i++)
        assert_false(wire_read_connection(&got, message, wire_write_connection(message, &bad[i])));
}

/* Each member has its own field or place: none is taken for another, and none is lost. */
static void every_setting_survives_the_wire(void **state)
{
    static char values[64][16];
    struct guard_request sent = sample();
    struct guard_request got;
    struct settings *s = &sent.settings;
    unsigned at = 0;

    (void)state;
#define NUMBER(KEY, type, member, place, limit, default, context, server) \
    s->member = (type)((limit) < 2 * (at + 1) ? (limit) : 2 * at);        \
    at++;
#define NAME_VALUE snprintf(values[at], sizeof values[at], "text %u", at)
#define TEXT(KEY, member, tag, context, server) \
    NAME_VALUE;                                 \
    s->member = values[at++];
#define LIST(KEY, member, tag, context, server) \
    NAME_VALUE;                                 \
    s->member = (struct text_list){.count = 2, .item = {"first", values[at++]}};
#include "wire/settings.def"
    assert_true(at < sizeof values / sizeof values[0]);
    s->rule = "the rule";
    assert_true(wire_read_guard(&got, message, wire_write_guard(message, &sent)));
#define NUMBER(KEY, type, member, place, limit, default, context, server) \
    assert_true(got.settings.member == s->member);
#define TEXT(KEY, member, tag, context, server) assert_string_equal(got.settings.member, s->member);
#define LIST(KEY, member, tag, context, server)     \
    assert_int_equal(got.settings.member.count, 2); \
    assert_string_equal(got.settings.member.item[1], s->member.item[1]);
#include "wire/settings.def"
    assert_string_equal(got.settings.rule, "the rule");
}

static void numbers_over_their_limit_are_refused(void **state)
{
    struct guard_request sent = sample(), got;

    (void)state;
    sent.settings = (struct settings){.level = LEVEL_SECURE};
    assert_true(wire_read_guard(&got, message, wire_write_guard(message, &sent)));
    sent.settings.level = (enum level)(LEVEL_FINGERPRINT + 1);
    assert_false(wire_read_guard(&got, message, wire_write_guard(message, &sent)));
    sent.settings = (struct settings){.protocol = PROTOCOL_KINDS};
    assert_false(wire_read_guard(&got, message, wire_write_guard(message, &sent)));
    sent.settings = (struct settings){.connect_port = UINT16_MAX + 1};
    assert_false(wire_read_guard(&got, message, wire_write_guard(message, &sent)));
}

static void alternative_survives_the_wire(void **state)
{
    struct guard_request sent = sample(), got;

    (void)state;
    assert_true(wire_read_guard(&got, message, wire_write_guard(message, &sent)));
    assert_true(got.alternative.family == 0 && got.failed == 0);
    sent.alternative = (struct wire_address){.family = 10, .port = 993, .scope = 3, .bytes = {0xfe, 0x80}};
    sent.failed = 111;
    assert_true(wire_read_guard(&got, message, wire_write_guard(message, &sent)));
    assert_memory_equal(&got.alternative, &sent.alternative, sizeof sent.alternative);
    assert_int_equal(got.failed, 111);
}

/* Which port to go to instead; 0 if there is none. */
static void alternative_port_is_next_to_a_usual_one(void **state)
{
    static const struct {
        uint16_t asked, alternative;
        struct settings settings;
    } cases[] = {
        {143, 993, {.tls = TLS_AUTO}},
        {110, 995, {.tls = TLS_AUTO}},
        {119, 563, {.tls = TLS_AUTO}},
        {587, 465, {.tls = TLS_AUTO}},
        {25, 0, {.tls = TLS_AUTO}},
        {24, 0, {.tls = TLS_AUTO}},
        {4190, 0, {.tls = TLS_AUTO}},
        {1143, 0, {.tls = TLS_AUTO, .protocol = PROTOCOL_IMAP}},
        {143, 0, {.tls = TLS_AUTO, .protocol = PROTOCOL_POP3}},
        {993, 0, {.tls = TLS_AUTO, .protocol = PROTOCOL_IMAP}},
        {143, 0, {.tls = TLS_STARTTLS}},
        {143, 0, {.tls = TLS_IMPLICIT, .implicit_port = 1993}},
        {143, 0, {.tls = TLS_AUTO, .connect_port = 1143}},
        {143, 993, {.tls = TLS_AUTO, .connect_host = "mail.example.org"}},
        {143, 1993, {.tls = TLS_AUTO, .connect_port = 1143, .implicit_port = 1993}},
        {25, 4650, {.tls = TLS_AUTO, .implicit_port = 4650}},
        {993, 0, {.tls = TLS_AUTO, .implicit_port = 993}},
        {143, 0, {.tls = TLS_AUTO, .connect_port = 993, .implicit_port = 993}},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(settings_alternative_port(&cases[i].settings, cases[i].asked), cases[i].alternative);
}

/* Programs run for months, so a newer relay must understand an older library. */
static void numbers_and_tags_stay_what_they_were(void **state)
{
    struct guard_request sent = sample();
    const uint32_t numbers[] = {3, 2, 1, 0, 1, 60, 300, 0x303, 0x304, 993};
    size_t length;

    (void)state;
    sent.settings = (struct settings){.level = LEVEL_SECURE,
                                      .protocol = PROTOCOL_LMTP,
                                      .tls = TLS_IMPLICIT,
                                      .strict_certificates = true,
                                      .timeout = 60,
                                      .greeting_timeout = 300,
                                      .tls_min = SETTINGS_TLS_1_2,
                                      .tls_max = SETTINGS_TLS_1_3,
                                      .connect_port = 993};
    length = wire_write_guard(message, &sent);
    assert_non_null(memmem(message, length, numbers, sizeof numbers));
    assert_true(TAG_CONNECT_TO == 6 && TAG_SERVERNAME == 7 && TAG_CA_FILE == 8 && TAG_CA_DIR == 9 &&
                TAG_CRL_FILE == 10 && TAG_CIPHERS == 11 && TAG_CIPHERSUITES == 12 && TAG_GROUPS == 13 &&
                TAG_CLIENT_CERT == 14 && TAG_CLIENT_KEY == 15 && TAG_LOG == 16 && TAG_RULE == 17 &&
                TAG_NAME == 18 && TAG_FINGERPRINT == 19 && TAG_OPTION == 20);
}

/* A surplus field at the end of a message is refused, whatever it is and whoever reads it. */
static bool reads(enum wire_type type, size_t length)
{
    struct guard_request guard;
    struct option_request option;
    struct wire_connection connection;
    struct wire_reply reply;

    switch (type) {
    case WIRE_GUARD:
        return wire_read_guard(&guard, message, length);
    case WIRE_SET_OPTION:
        return wire_read_option(&option, message, length);
    case WIRE_CONNECTION:
        return wire_read_connection(&connection, message, length);
    default:
        return wire_read_reply(&reply, message, length);
    }
}

static size_t write_sample(enum wire_type type)
{
    const struct guard_request guard = sample();
    const struct option_request option = {.cookie = 7, .value = (const uint8_t *)"x", .value_length = 1};
    const struct wire_connection connection = {.pid = 7, .program = "p"};
    const struct wire_reply reply = {.error = 1, .value = (const uint8_t *)"x", .value_length = 1};

    switch (type) {
    case WIRE_GUARD:
        return wire_write_guard(message, &guard);
    case WIRE_SET_OPTION:
        return wire_write_option(message, type, &option);
    case WIRE_CONNECTION:
        return wire_write_connection(message, &connection);
    default:
        return wire_write_reply(message, &reply);
    }
}

/* Reads the sample with one more field, of these bytes, at its end. */
static bool reads_with(enum wire_type type, enum tag tag, uint16_t zero, uint32_t told, size_t length)
{
    struct writer w;

    fields_start(&w, message);
    w.used = write_sample(type);
    fields_put(&w, tag, "abc", length);
    memcpy(message + w.used - length - 6, &zero, sizeof zero);
    memcpy(message + w.used - length - 4, &told, sizeof told);
    return reads(type, fields_finish(&w, type));
}

static void a_field_too_many_is_refused(void **state)
{
    static const struct {
        enum wire_type type;
        enum tag fresh;    /* the sample has none, or it may be repeated; 0: there is no such tag */
        enum tag repeated; /* the sample already has one */
    } cases[] = {{WIRE_GUARD, TAG_ASKED, TAG_PROGRAM},
                 {WIRE_SET_OPTION, 0, TAG_VALUE},
                 {WIRE_CONNECTION, TAG_CIPHER, TAG_PROGRAM},
                 {WIRE_REPLY, 0, TAG_VALUE}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const enum wire_type type = cases[i].type;
        const enum tag fresh = cases[i].fresh;

        assert_true(reads(type, write_sample(type)));
        assert_false(reads_with(type, 0, 0, 4, 4));
        assert_false(reads_with(type, TAGS, 0, 4, 4));
        assert_false(reads_with(type, TAG_TOKEN, 0, 4, 4));
        assert_false(reads_with(type, type == WIRE_GUARD ? TAG_CIPHER : TAG_CA_FILE, 0, 4, 4));
        assert_false(reads_with(type, cases[i].repeated, 0, 4, 4));
        if (fresh == 0)
            continue;
        assert_true(reads_with(type, fresh, 0, 4, 4));
        assert_false(reads_with(type, fresh, 1, 4, 4)); /* not zero */
        assert_false(reads_with(type, fresh, 0, 3, 4)); /* no NUL at its end */
        assert_false(reads_with(type, fresh, 0, 9, 4)); /* beyond the end */
        assert_false(reads_with(type, fresh, 0, UINT32_MAX, 4));
        assert_false(reads_with(type, fresh, 0, UINT32_MAX - 3, 4));
        assert_false(reads_with(type, fresh, 0, 0, 0)); /* a text has at least its NUL */
    }
}

static void what_is_missing_is_noticed(void **state)
{
    static const enum wire_type types[] = {WIRE_GUARD, WIRE_SET_OPTION, WIRE_CONNECTION, WIRE_REPLY};
    struct writer w;

    (void)state;
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        fields_start(&w, message);
        assert_false(reads(types[i], fields_finish(&w, types[i])));
    }
}

static void a_value_is_bounded(void **state)
{
    static const uint8_t value[WIRE_VALUE_LIMIT + 1];
    struct option_request option = {.value = value, .value_length = WIRE_VALUE_LIMIT}, got;
    struct wire_reply reply = {.value = value, .value_length = WIRE_VALUE_LIMIT}, answered;
    const int32_t error = 0;
    struct writer w;

    (void)state;
    assert_true(wire_read_option(&got, message, wire_write_option(message, WIRE_SET_OPTION, &option)) &&
                got.value_length == WIRE_VALUE_LIMIT);
    assert_true(wire_read_reply(&answered, message, wire_write_reply(message, &reply)) &&
                answered.value_length == WIRE_VALUE_LIMIT);
    option.value_length = reply.value_length = sizeof value;
    assert_int_equal(wire_write_option(message, WIRE_SET_OPTION, &option), 0);
    assert_int_equal(wire_write_reply(message, &reply), 0);
    fields_start(&w, message);
    fields_put(&w, TAG_ERROR, &error, sizeof error);
    fields_put(&w, TAG_VALUE, value, sizeof value);
    assert_false(wire_read_reply(&answered, message, fields_finish(&w, WIRE_REPLY)));
    fields_start(&w, message);
    fields_put(&w, TAG_VALUE, value, sizeof value);
    assert_false(wire_read_option(&got, message, fields_finish(&w, WIRE_SET_OPTION)));
    fields_start(&w, message);
    fields_put(&w, TAG_ERROR, &error, sizeof error - 1);
    assert_false(wire_read_reply(&answered, message, fields_finish(&w, WIRE_REPLY)));
}

static void a_list_is_bounded(void **state)
{
    struct writer w;
    struct guard_request got;
    size_t length = write_sample(WIRE_GUARD);

    (void)state;
    for (int more = 2; more <= SETTINGS_LIST_LIMIT + 2; more++) { /* the sample has two */
        const bool good = wire_read_guard(&got, message, length);

        assert_int_equal(good, more <= SETTINGS_LIST_LIMIT);
        fields_start(&w, message);
        w.used = length;
        fields_put_text(&w, TAG_ASKED, "again.example");
        length = fields_finish(&w, WIRE_GUARD);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(guard_request_survives_the_wire),
        cmocka_unit_test(alternative_survives_the_wire),
        cmocka_unit_test(alternative_port_is_next_to_a_usual_one),
        cmocka_unit_test(every_setting_survives_the_wire),
        cmocka_unit_test(numbers_over_their_limit_are_refused),
        cmocka_unit_test(numbers_and_tags_stay_what_they_were),
        cmocka_unit_test(every_truncation_is_refused),
        cmocka_unit_test(a_field_too_many_is_refused),
        cmocka_unit_test(what_is_missing_is_noticed),
        cmocka_unit_test(a_value_is_bounded),
        cmocka_unit_test(a_list_is_bounded),
        cmocka_unit_test(text_with_an_inner_nul_is_refused),
        cmocka_unit_test(flipped_bytes_never_crash),
        cmocka_unit_test(too_much_does_not_fit),
        cmocka_unit_test(option_and_reply_survive_the_wire),
        cmocka_unit_test(a_status_entry_survives_the_wire),
        cmocka_unit_test(a_status_entry_is_bounded),
        cmocka_unit_test(a_status_entry_of_unknown_numbers_is_malformed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
