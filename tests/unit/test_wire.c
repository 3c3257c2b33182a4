/* What one side writes the other reads unchanged, and nothing malformed gets through. */
#include <stdlib.h>
#include <string.h>

#include "tests/unit/cmocka_all.h"
#include "wire/wire.h"

static _Alignas(8) uint8_t message[WIRE_MESSAGE_LIMIT];

static struct guard_request sample(void)
{
    return (struct guard_request){
        .token = "0123456789abcde",
        .cookie = 0x1122334455667788,
        .pid = 42,
        .pending = WIRE_PENDING_TOLD,
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
    assert_true(got.cookie == sent.cookie && got.pid == 42 && got.pending == WIRE_PENDING_TOLD &&
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

/* A relay answers with as many messages as it has connections: each is bounded, whatever its texts are. */
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

/* What stands in a table of names must be in it. */
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(guard_request_survives_the_wire),
        cmocka_unit_test(every_truncation_is_refused),
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
