/*
 * What we know about a descriptor number. It is the only check that reads and writes on other descriptors pay
 * for.
 */
#include <limits.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmocka_all.h"
#include "preload/descriptor/fd_state.h"

static int start(void **state)
{
    (void)state;
    fd_state_start();
    for (int fd = 0; fd < 16; fd++)
        fd_state_set(fd, FD_STATE_PLAIN);
    return 0;
}

/* Files that the program opens itself do not concern the library, and cost nothing. */
static void numbers_are_plain_at_first(void **state)
{
    (void)state;
    assert_true(fd_state_is_plain(1000));
    assert_true(fd_state_is_plain(0));
}

static void a_number_is_what_it_was_set_to(void **state)
{
    (void)state;
    fd_state_set(3, FD_STATE_PLAIN);
    fd_state_set(4, FD_STATE_SWITCHED);
    assert_true(fd_state_is_plain(3));
    assert_int_equal(fd_state_of(4), FD_STATE_SWITCHED);
    assert_true(fd_state_is_plain(2) && fd_state_is_plain(5));
    assert_false(fd_state_is_plain(4));
    fd_state_forget(3);
    assert_int_equal(fd_state_of(3), FD_STATE_NOTHING);
}

static void a_duplicate_is_what_the_other_is(void **state)
{
    (void)state;
    fd_state_set(3, FD_STATE_PLAIN);
    fd_state_copy(3, 4);
    assert_true(fd_state_is_plain(4));
    fd_state_forget(5);
    fd_state_copy(5, 4); /* the number was plain and becomes a connection not looked at yet */
    assert_false(fd_state_is_plain(4));
}

/* Closed, negative or too large numbers are looked up each time, and nothing is written outside the table. */
static void numbers_outside_are_never_known(void **state)
{
    static const int numbers[] = {-1, FD_STATE_NUMBERS, FD_STATE_NUMBERS + 1, INT_MAX, INT_MIN};

    (void)state;
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        fd_state_set(numbers[i], FD_STATE_PLAIN);
        assert_int_equal(fd_state_of(numbers[i]), FD_STATE_NOTHING);
        fd_state_forget(numbers[i]);
        fd_state_copy(3, numbers[i]);
        fd_state_copy(numbers[i], 3);
        assert_int_equal(fd_state_of(3), FD_STATE_NOTHING);
        fd_state_set(3, FD_STATE_PLAIN);
    }
    fd_state_set(FD_STATE_NUMBERS - 1, FD_STATE_PLAIN);
    assert_true(fd_state_is_plain(FD_STATE_NUMBERS - 1));
    fd_state_forget(FD_STATE_NUMBERS - 1);
}

/*
 * A child of vfork(2) has its own descriptors but its parent's memory: number 3 may be a pipe there and a
 * connection here. Forgetting is right for both.
 */
static void a_process_that_does_not_own_the_memory_only_forgets(void **state)
{
    pid_t child;
    int status;

    (void)state;
    fd_state_set(3, FD_STATE_PLAIN);
    fd_state_set(4, FD_STATE_PLAIN);
    child = fork(); /* the library's handler, which makes the child the owner, is not in this program */
    if (child == 0) {
        bool good = fd_state_is_plain(3);

        fd_state_forget(5);
        fd_state_set(5, FD_STATE_PLAIN);
        fd_state_forget(6);
        fd_state_copy(3, 6);
        fd_state_set(4, FD_STATE_SWITCHED);
        good = good && fd_state_of(5) == FD_STATE_NOTHING && fd_state_of(6) == FD_STATE_NOTHING &&
               fd_state_of(4) == FD_STATE_NOTHING;
        fd_state_start(); /* this makes it the owner */
        fd_state_set(5, FD_STATE_PLAIN);
        _exit(good && fd_state_is_plain(5) ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void nothing_is_known_where_another_library_stands_in_front(void **state)
{
    (void)state;
    fd_state_distrust();
    assert_int_equal(fd_state_of(3), FD_STATE_NOTHING);
    fd_state_set(3, FD_STATE_PLAIN);
    fd_state_set(4, FD_STATE_SWITCHED);
    fd_state_start(); /* in a forked child: the owner again */
    fd_state_set(5, FD_STATE_PLAIN);
    for (int fd = 0; fd < FD_STATE_NUMBERS; fd++)
        assert_int_equal(fd_state_of(fd), FD_STATE_NOTHING);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(numbers_are_plain_at_first, start),
        cmocka_unit_test_setup(a_number_is_what_it_was_set_to, start),
        cmocka_unit_test_setup(a_duplicate_is_what_the_other_is, start),
        cmocka_unit_test_setup(numbers_outside_are_never_known, start),
        cmocka_unit_test_setup(a_process_that_does_not_own_the_memory_only_forgets, start),
        cmocka_unit_test(nothing_is_known_where_another_library_stands_in_front), /* must be last */
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
