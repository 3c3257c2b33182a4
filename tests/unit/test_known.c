/* What is known of a descriptor number: the one test that reads and writes on any other descriptor cost. */
#include <limits.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmocka_all.h"
#include "preload/descriptor/fd_state.h"

static int start(void **state)
{
    (void)state;
    known_start();
    for (int fd = 0; fd < 16; fd++)
        known_set(fd, KNOWN_PLAIN);
    return 0;
}

/* What the program opens itself is none of the library's business, and costs nothing. */
static void numbers_are_plain_at_first(void **state)
{
    (void)state;
    assert_true(known_is_plain(1000));
    assert_true(known_is_plain(0));
}

static void a_number_is_what_it_was_set_to(void **state)
{
    (void)state;
    known_set(3, KNOWN_PLAIN);
    known_set(4, KNOWN_SWITCHED);
    assert_true(known_is_plain(3));
    assert_int_equal(known_of(4), KNOWN_SWITCHED);
    assert_true(known_is_plain(2) && known_is_plain(5));
    assert_false(known_is_plain(4));
    known_forget(3);
    assert_int_equal(known_of(3), KNOWN_NOTHING);
}

static void a_duplicate_is_what_the_other_is(void **state)
{
    (void)state;
    known_set(3, KNOWN_PLAIN);
    known_copy(3, 4);
    assert_true(known_is_plain(4));
    known_forget(5);
    known_copy(5, 4); /* a number that was plain becomes a connection that nobody has looked at */
    assert_false(known_is_plain(4));
}

/* Closed, negative, or beyond the table: asked about each time, and nothing is written outside of it. */
static void numbers_outside_are_never_known(void **state)
{
    static const int numbers[] = {-1, KNOWN_NUMBERS, KNOWN_NUMBERS + 1, INT_MAX, INT_MIN};

    (void)state;
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        known_set(numbers[i], KNOWN_PLAIN);
        assert_int_equal(known_of(numbers[i]), KNOWN_NOTHING);
        known_forget(numbers[i]);
        known_copy(3, numbers[i]);
        known_copy(numbers[i], 3);
        assert_int_equal(known_of(3), KNOWN_NOTHING);
        known_set(3, KNOWN_PLAIN);
    }
    known_set(KNOWN_NUMBERS - 1, KNOWN_PLAIN);
    assert_true(known_is_plain(KNOWN_NUMBERS - 1));
    known_forget(KNOWN_NUMBERS - 1);
}

/*
 * A child of vfork(2) has its own descriptors in its parent's memory: number 3 may be a pipe there and a
 * connection here. To forget is right for both.
 */
static void a_process_that_does_not_own_the_memory_only_forgets(void **state)
{
    pid_t child;
    int status;

    (void)state;
    known_set(3, KNOWN_PLAIN);
    known_set(4, KNOWN_PLAIN);
    child = fork(); /* the library's own handler, which makes the child the owner, is not in this program */
    if (child == 0) {
        bool good = known_is_plain(3);

        known_forget(5);
        known_set(5, KNOWN_PLAIN);
        known_forget(6);
        known_copy(3, 6);
        known_set(4, KNOWN_SWITCHED);
        good = good && known_of(5) == KNOWN_NOTHING && known_of(6) == KNOWN_NOTHING &&
               known_of(4) == KNOWN_NOTHING;
        known_start(); /* and now it is */
        known_set(5, KNOWN_PLAIN);
        _exit(good && known_is_plain(5) ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void nothing_is_known_where_another_library_stands_in_front(void **state)
{
    (void)state;
    known_distrust();
    assert_int_equal(known_of(3), KNOWN_NOTHING);
    known_set(3, KNOWN_PLAIN);
    known_set(4, KNOWN_SWITCHED);
    known_start(); /* in a forked child */
    known_set(5, KNOWN_PLAIN);
    for (int fd = 0; fd < KNOWN_NUMBERS; fd++)
        assert_int_equal(known_of(fd), KNOWN_NOTHING);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(numbers_are_plain_at_first, start),
        cmocka_unit_test_setup(a_number_is_what_it_was_set_to, start),
        cmocka_unit_test_setup(a_duplicate_is_what_the_other_is, start),
        cmocka_unit_test_setup(numbers_outside_are_never_known, start),
        cmocka_unit_test_setup(a_process_that_does_not_own_the_memory_only_forgets, start),
        cmocka_unit_test(nothing_is_known_where_another_library_stands_in_front), /* the last: it stays so */
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
