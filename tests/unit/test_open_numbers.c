/*
 * Every open descriptor is found, however many there are and whatever its number. One that is missed would
 * keep leading to the server in plaintext.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "preload/descriptor/open_numbers.h"
#include "tests/unit/cmocka_all.h"

enum { LIMIT = 4096 };

static unsigned seen[LIMIT];

static bool note(void *context, int number)
{
    (void)context;
    assert_in_range(number, 0, LIMIT - 1);
    seen[number]++;
    return true;
}

static void look(void)
{
    bool no_proc;

    memset(seen, 0, sizeof seen);
    assert_true(open_numbers_visit(note, NULL, &no_proc));
    assert_false(no_proc);
}

static void each_open_number_is_visited_once(void)
{
    look();
    for (int i = 0; i < LIMIT; i++) {
        assert_in_range(seen[i], 0, 1);
        if (fcntl(i, F_GETFD) >= 0)
            assert_int_equal(seen[i], 1);
    }
}

/* Opens `count` numbers from 10 on, `step` apart, and one far above them. */
static void with_open(int count, int step)
{
    const int null = open("/dev/null", O_RDONLY);

    for (int i = 0; i < count; i++)
        assert_int_equal(dup2(null, 10 + i * step), 10 + i * step);
    assert_int_equal(dup2(null, LIMIT - 100), LIMIT - 100);
    each_open_number_is_visited_once();
    for (int i = 0; i < count; i++)
        close(10 + i * step);
    close(LIMIT - 100);
    close(null);
}

static void few_and_many_numbers_with_gaps(void **state)
{
    static const int counts[] = {1, 20, 30, 38, 39, 40, 41, 42, 43, 60, 100, 500, 1000};
    struct rlimit limit;

    (void)state;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = LIMIT;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        for (int step = 1; step <= 3; step++)
            with_open(counts[i], step);
    }
}

static bool stop(void *context, int number)
{
    (void)number;
    return --*(int *)context > 0;
}

static void a_visitor_may_stop(void **state)
{
    int left = 2;
    bool no_proc;

    (void)state;
    assert_false(open_numbers_visit(stop, &left, &no_proc));
    assert_false(no_proc);
    assert_int_equal(left, 0);
}

static void without_proc_all_below_the_limit_are_tried(void **state)
{
    (void)state;
    memset(seen, 0, sizeof seen);
    assert_true(open_numbers_visit_blindly(note, NULL));
    for (int i = 0; i < LIMIT; i++)
        assert_int_equal(seen[i], fcntl(i, F_GETFD) >= 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(few_and_many_numbers_with_gaps),
        cmocka_unit_test(a_visitor_may_stop),
        cmocka_unit_test(without_proc_all_below_the_limit_are_tried),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
