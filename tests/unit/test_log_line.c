/*
 * The lines of the log, from the relay and the library. Scripts read the fields, and a server, or whoever
 * named a program, chooses the values.
 */
#include <string.h>

#include "tests/unit/cmocka_all.h"
#include "wire/log_line.h"

static const struct log_line plain = {.program = "/usr/bin/mutt",
                                      .pid = 12,
                                      .server = "mail.example.org",
                                      .address = {.family = 2, .port = 143, .bytes = {192, 0, 2, 1}},
                                      .protocol = "imap",
                                      .level = LEVEL_SECURE,
                                      .result = RESULT_FAILED,
                                      .milliseconds = 34,
                                      .rule = "/etc/retrotls/policy:3",
                                      .error = "why"};

static void says(const struct log_line *line, const char *fields, const char *sentence)
{
    char out[2048];

    assert_int_equal(log_line_fields(out, sizeof out, line), strlen(fields));
    assert_string_equal(out, fields);
    assert_int_equal(log_line_sentence(out, sizeof out, line), strlen(sentence));
    assert_string_equal(out, sentence);
}

static void each_result_has_its_fields(void **state)
{
    struct log_line line = plain;

    (void)state;
    says(&line,
         "result=failed program=\"/usr/bin/mutt\" pid=12 server=\"mail.example.org\" address=192.0.2.1 "
         "port=143 "
         "protocol=imap level=secure ms=34 rule=\"/etc/retrotls/policy:3\" error=\"why\"",
         "retrotls: mail.example.org:143 imap secure failed: why, 34 ms");
    line.discarded = 7;
    says(&line,
         "result=failed program=\"/usr/bin/mutt\" pid=12 server=\"mail.example.org\" address=192.0.2.1 "
         "port=143 "
         "protocol=imap level=secure ms=34 rule=\"/etc/retrotls/policy:3\" discarded=7 error=\"why\"",
         "retrotls: mail.example.org:143 imap secure failed: why; 7 bytes that the program wrote before it "
         "closed "
         "were discarded, 34 ms");
    line = plain;
    line.result = RESULT_TLS;
    line.version = "TLSv1.3";
    line.cipher = "TLS_AES_256_GCM_SHA384";
    line.verified = "mail.example.org";
    line.resumed = true;
    line.error = "";
    says(&line,
         "result=tls program=\"/usr/bin/mutt\" pid=12 server=\"mail.example.org\" address=192.0.2.1 port=143 "
         "protocol=imap level=secure version=TLSv1.3 cipher=TLS_AES_256_GCM_SHA384 resumed=yes "
         "tls=starttls "
         "verified=\"mail.example.org\" ms=34 rule=\"/etc/retrotls/policy:3\"",
         "retrotls: mail.example.org:143 imap secure TLSv1.3 TLS_AES_256_GCM_SHA384 verified "
         "mail.example.org 34 "
         "ms");
    line.implicit = true;
    line.alternative = 993;
    says(&line,
         "result=tls program=\"/usr/bin/mutt\" pid=12 server=\"mail.example.org\" address=192.0.2.1 port=143 "
         "protocol=imap level=secure version=TLSv1.3 cipher=TLS_AES_256_GCM_SHA384 resumed=yes "
         "tls=implicit verified=\"mail.example.org\" via=993 ms=34 rule=\"/etc/retrotls/policy:3\"",
         "retrotls: mail.example.org:143 imap secure TLSv1.3 TLS_AES_256_GCM_SHA384 verified "
         "mail.example.org, from the first byte, on port 993 34 ms");
    line.implicit = false;
    line.alternative = 0;
    line.verified = "";
    line.testing = true;
    line.error = "why";
    says(&line,
         "result=tls program=\"/usr/bin/mutt\" pid=12 server=\"mail.example.org\" address=192.0.2.1 port=143 "
         "protocol=imap level=secure testing=yes version=TLSv1.3 cipher=TLS_AES_256_GCM_SHA384 resumed=yes "
         "tls=starttls "
         "verified=\"\" ms=34 rule=\"/etc/retrotls/policy:3\" error=\"why\"",
         "retrotls: mail.example.org:143 imap secure testing TLSv1.3 TLS_AES_256_GCM_SHA384 not verified: "
         "why, 34 "
         "ms");
}

/* A connection that nobody looked up and no rule decided about. */
static void what_is_unknown_is_empty(void **state)
{
    struct log_line line = plain;

    (void)state;
    line.program = line.rule = line.server = NULL;
    line.result = RESULT_PLAINTEXT;
    line.level = LEVEL_MAY;
    line.address =
        (struct wire_address){.family = 10, .port = 25, .bytes = {0x20, 0x01, 0x0d, 0xb8, [15] = 1}};
    says(&line,
         "result=plaintext program=\"\" pid=12 server=\"2001:db8::1\" address=2001:db8::1 port=25 "
         "protocol=imap "
         "level=may ms=34 rule=\"\" error=\"why\"",
         "retrotls: 2001:db8::1:25 imap may plaintext: why, 34 ms");
    line.address.family = 0;
    line.error = "";
    says(&line,
         "result=plaintext program=\"\" pid=12 server=\"unknown\" address=unknown port=25 protocol=imap "
         "level=may ms=34 rule=\"\"",
         "retrotls: unknown:25 imap may plaintext 34 ms");
}

static void unguarded_connection_has_a_reason(void **state)
{
    struct log_line line = plain;

    (void)state;
    line.result = RESULT_UNGUARDED;
    line.level = LEVEL_NONE;
    line.error = "level none, /etc/retrotls/policy:3";
    says(&line,
         "result=unguarded program=\"/usr/bin/mutt\" pid=12 server=\"mail.example.org\" address=192.0.2.1 "
         "port=143 protocol=imap level=none ms=34 rule=\"/etc/retrotls/policy:3\" "
         "reason=\"level none, /etc/retrotls/policy:3\"",
         "retrotls: mail.example.org:143 imap not guarded: level none, /etc/retrotls/policy:3");
}

static void nothing_from_outside_forges_a_field(void **state)
{
    struct log_line line = plain;

    (void)state;
    line.program = "/tmp/a\" level=none\n/b";
    line.server = "x.org\r\nretrotls";
    line.rule = "a\\";
    line.error = "why\\ \"not\"\n";
    says(
        &line,
        "result=failed program=\"/tmp/a? level=none?/b\" pid=12 server=\"x.org??retrotls\" address=192.0.2.1 "
        "port=143 protocol=imap level=secure ms=34 rule=\"a?\" error=\"why? ?not??\"",
        "retrotls: x.org??retrotls:143 imap secure failed: why? ?not??, 34 ms");
}

static void a_line_ends_where_there_is_no_room(void **state)
{
    struct log_line line = plain;
    char value[600], out[1200], small[32];

    (void)state;
    memset(value, 'v', sizeof value);
    value[sizeof value - 1] = '\0';
    line.program = value;
    assert_true(log_line_fields(out, sizeof out, &line) < 512 + 200);
    assert_non_null(strstr(out, "v\" pid=12 ")); /* a long value is cut, and the other fields stay */
    memset(small, 'x', sizeof small);
    assert_int_equal(log_line_fields(small, 20, &line), 19);
    assert_memory_equal(small, "result=failed progr\0xxxxxxxxxxxx", sizeof small);
    assert_int_equal(log_line_sentence(small, 20, &line), 19);
    assert_memory_equal(small, "retrotls: mail.exam\0xxxxxxxxxxxx", sizeof small);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_result_has_its_fields),
        cmocka_unit_test(what_is_unknown_is_empty),
        cmocka_unit_test(unguarded_connection_has_a_reason),
        cmocka_unit_test(nothing_from_outside_forges_a_field),
        cmocka_unit_test(a_line_ends_where_there_is_no_room),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
