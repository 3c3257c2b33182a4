/*
 * All text from outside goes through this one function. What it lets through could forge a log line, end a
 * reply of the relay early, or send commands to the reader's terminal.
 */
#include <limits.h>
#include <stdbool.h>
#include <string.h>

#include "tests/unit/cmocka_all.h"
#include "wire/clean.h"

static void every_byte_is_printable_afterwards(void **state)
{
    (void)state;
    for (int byte = 0; byte <= UCHAR_MAX; byte++) {
        const char from = (char)byte;
        const bool printable = byte >= 0x20 && byte <= 0x7e;
        char to = 'x';

        assert_int_equal(clean_copy(&to, 1, &from, 1, CLEAN_PRINTABLE), 1);
        assert_int_equal(to, printable ? from : '?');
        assert_int_equal(clean_copy(&to, 1, &from, 1, CLEAN_QUOTABLE), 1);
        assert_int_equal(to, printable && byte != '"' && byte != '\\' ? from : '?');
    }
}

static void copies_what_fits_and_not_a_byte_more(void **state)
{
    char to[8];

    (void)state;
    memset(to, 'x', sizeof to);
    assert_int_equal(clean_copy(to, sizeof to, "a\nb", 3, CLEAN_QUOTABLE), 3);
    assert_memory_equal(to, "a?bxxxxx", sizeof to);
    assert_int_equal(clean_copy(to, 2, "\r\ncd", 4, CLEAN_PRINTABLE), 2);
    assert_memory_equal(to, "??bxxxxx", sizeof to);
    assert_int_equal(clean_copy(to, 0, "cd", 2, CLEAN_PRINTABLE), 0);
    assert_int_equal(clean_copy(to, sizeof to, "cd", 0, CLEAN_PRINTABLE), 0);
    assert_memory_equal(to, "??bxxxxx", sizeof to);
    assert_int_equal(clean_copy(to, sizeof to, "a\0b\"", 4, CLEAN_QUOTABLE), 4); /* NUL is an ordinary byte */
    assert_memory_equal(to, "a?b?xxxx", sizeof to);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_byte_is_printable_afterwards),
        cmocka_unit_test(copies_what_fits_and_not_a_byte_more),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
