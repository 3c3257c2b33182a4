/* Lines of the log, read back: anyone may have written to it. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "command/log/log_record.h"
#include "tests/unit/cmocka_all.h"

#define FIELDS "result=tls program=\"/bin/a b\" pid=7 server=\"m\" port=143 protocol=imap verified=\"\""

enum { AT = 1796063903 /* 2026-11-30T18:38:23Z */ };

static bool reads(struct log_record *r, enum log_form form, const char *line)
{
    return log_record_read(r, form, line, AT);
}

static void a_line_has_its_fields_and_time(void **state)
{
    static const struct {
        enum log_form form;
        const char *line;
    } lines[] = {
        {LOG_OWN, "time=2026-11-30T18:38:23Z " FIELDS},
        {LOG_JOURNAL, "1796063903.123456 host retrotls[12]: " FIELDS},
        {LOG_SYSLOG, "Nov 30 18:38:23 host retrotls[12]: " FIELDS},
        {LOG_SYSLOG, "2026-11-30T19:38:23.123456+01:00 host retrotls[12]: " FIELDS},
        {LOG_SYSLOG, "2026-11-30T15:08:23-03:30 host retrotls[12]: " FIELDS},
    };

    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        struct log_record r;

        assert_true(reads(&r, lines[i].form, lines[i].line));
        assert_int_equal(r.time, AT);
        assert_string_equal(r.value[LOG_RESULT], "tls");
        assert_string_equal(r.value[LOG_PROGRAM], "/bin/a b");
        assert_string_equal(r.value[LOG_PID], "7");
        assert_string_equal(r.value[LOG_VERIFIED], "");
        assert_null(r.value[LOG_ERROR]);
        log_record_free(&r);
    }
}

static void the_year_that_syslog_leaves_out(void **state)
{
    struct log_record r;

    (void)state;
    assert_true(reads(&r, LOG_SYSLOG, "Dec 30 18:38:23 host retrotls[12]: " FIELDS));
    assert_int_equal(r.time, AT - 335 * 86400);
    log_record_free(&r);
}

static void what_is_not_ours_is_left_out(void **state)
{
    static const struct {
        enum log_form form;
        const char *line;
    } lines[] = {
        {LOG_OWN, ""},
        {LOG_OWN, FIELDS},
        {LOG_OWN, "time=yesterday " FIELDS},
        {LOG_OWN, "time=2026-11-30T18:38:23Z"},
        {LOG_OWN, "time=2026-11-30T18:38:23Z result=tls"},
        {LOG_OWN, "time=2026-11-30T18:38:23Z result=tls port=x"},
        {LOG_OWN, "time=2026-11-30T18:38:23Z " FIELDS " error=\"cut"},
        {LOG_OWN, "time=2026-11-30T18:38:23Z words " FIELDS},
        {LOG_SYSLOG, "time=2026-11-30T18:38:23Z " FIELDS},
        {LOG_SYSLOG, "Nov 30 18:38:23 host other[12]: retrotls[12]: " FIELDS},
        {LOG_SYSLOG, "Nov 30 18:38:23 host retrotls: " FIELDS},
        {LOG_SYSLOG, "2026-11-30T19:38:23+01"},
        {LOG_SYSLOG, "2026-11-30T19:38:23+0100 host retrotls[1]: " FIELDS},
        {LOG_JOURNAL, "Nov 30 18:38:23 host retrotls[12]: " FIELDS},
        {LOG_JOURNAL, "-- Boot 5 --"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        struct log_record r;

        if (reads(&r, lines[i].form, lines[i].line))
            fail_msg("%s", lines[i].line);
        assert_null(r.text);
    }
}

static void text_is_clean_and_strange_fields_are_passed(void **state)
{
    struct log_record r;

    (void)state;
    assert_true(
        reads(&r, LOG_OWN, "time=2026-11-30T18:38:23Z new=1 pid=-5 " FIELDS " error=\"\033[2J\xc2\x9b\""));
    assert_string_equal(r.value[LOG_ERROR], "?[2J??");
    assert_string_equal(r.value[LOG_PID], "7");
    log_record_free(&r);
    assert_true(reads(&r, LOG_OWN, "time=2026-11-30T18:38:23Z warning=\"no sandbox\""));
    assert_string_equal(r.value[LOG_WARNING], "no sandbox");
    log_record_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_has_its_fields_and_time),
        cmocka_unit_test(the_year_that_syslog_leaves_out),
        cmocka_unit_test(what_is_not_ours_is_left_out),
        cmocka_unit_test(text_is_clean_and_strange_fields_are_passed),
    };

    setenv("TZ", "UTC", 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
