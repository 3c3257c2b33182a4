/*
 * The memory of names as threads and processes share it: floods, threads at once, forked children and which
 * lookups are whose, and a writer that is killed. For how much it holds see test_names_capacity.c.
 */
#include <signal.h>
#include <stdio.h>

#include "tests/unit/names_helpers.h"

/* ---- floods */

/* A mail full of links to one spoofed address. */
static void *flood(void *argument)
{
    char name[64];

    (void)argument;
    for (int i = 0; i < 1000; i++) {
        snprintf(name, sizeof name, "n%d.attacker.example", i);
        ask(name, "192.0.2.40", 0);
    }
    return NULL;
}

static void name_that_a_flood_pushed_out_is_told_as_lost(void **state)
{
    (void)state;
    other_thread_asks("mail.example.org", "192.0.2.40", 0);
    in_thread(flood, NULL);
    assert_true(find("192.0.2.40", 143)->lost);
    /* This thread's own lookups are found. */
    ask("mail.example.org", "192.0.2.40", 143);
    assert_only("192.0.2.40", 143, "mail.example.org");
    other_thread_asks("link.attacker.example", "192.0.2.40", 0);
    assert_both("192.0.2.40", 143, "mail.example.org", "link.attacker.example");
}

static void loss_is_of_one_address(void **state)
{
    (void)state;
    other_thread_asks("mail.example.org", "192.0.2.42", 143);
    in_thread(flood, NULL);
    assert_only("192.0.2.42", 143, "mail.example.org");
}

static void many_threads_that_ask_for_one_name_push_nothing_out(void **state)
{
    (void)state;
    other_thread_asks("mail.example.org", "192.0.2.43", 143);
    for (int i = 0; i < 600; i++)
        other_thread_asks("link.attacker.example", "192.0.2.43", 143);
    assert_both("192.0.2.43", 143, "mail.example.org", "link.attacker.example");
    assert_false(found.lost);
}

static bool asks_for_the_link(void)
{
    ask("link.attacker.example", "192.0.2.44", 143);
    return true;
}

static void many_children_that_ask_for_one_name_push_nothing_out(void **state)
{
    (void)state;
    other_thread_asks("mail.example.org", "192.0.2.44", 143);
    for (int i = 0; i < 300; i++)
        in_child(asks_for_the_link);
    assert_both("192.0.2.44", 143, "mail.example.org", "link.attacker.example");
    assert_false(found.lost);
}

static void answer_with_too_many_addresses_leaves_what_is_asked_for_afterwards(void **state)
{
    (void)state;
    ask("mail.example.org", "192.0.2.41", 143);
    ask_for_too_much("link.attacker.example");
    assert_true(find("192.0.2.41", 143)->lost);
    assert_true(find("203.0.113.0", 143)->lost && find("203.0.113.0", 143)->count == 0);
    other_thread_asks("link.attacker.example", "192.0.2.41", 143);
    assert_true(find("192.0.2.41", 143)->lost);
    ask("mail.example.org", "192.0.2.41", 143);
    assert_only("192.0.2.41", 143, "mail.example.org");
}

/* ---- at once */

enum { WORKERS = 8, ROUNDS = 400 };

static void *worker(void *argument)
{
    const int number = *(const int *)argument;
    struct names_found *const mine = malloc(sizeof *mine);
    const struct wire_address address = v4("192.0.2.50", 143);
    long bad = !mine;
    char name[64];

    for (int i = 0; i < ROUNDS && mine; i++) {
        snprintf(name, sizeof name, "w%d-%d.example.org", number, i % 2);
        ask(name, "192.0.2.50", 143);
        names_find(&address, mine);
        bool has = false;
        for (uint32_t n = 0; n < mine->count && !mine->lost; n++)
            has = has || strcmp(mine->name[n], name) == 0;
        bad += !has || mine->lost;
    }
    free(mine);
    return (void *)bad;
}

/* Each finds its own name, and those that the others looked up meanwhile. */
static void threads_at_once_each_find_their_own(void **state)
{
    pthread_t thread[WORKERS];
    int number[WORKERS];
    void *bad;

    (void)state;
    for (int i = 0; i < WORKERS; i++) {
        number[i] = i;
        assert_int_equal(pthread_create(&thread[i], NULL, worker, &number[i]), 0);
    }
    for (int i = 0; i < WORKERS; i++) {
        assert_int_equal(pthread_join(thread[i], &bad), 0);
        assert_null(bad);
    }
    assert_int_equal(find("192.0.2.50", 143)->count, 2 * WORKERS);
}

/* ---- processes */

static bool asks_from_child(void)
{
    ask("mail.example.org", "192.0.2.60", 143);
    return true;
}

static void resolver_childs_answer_counts(void **state)
{
    (void)state;
    in_child(asks_from_child);
    assert_only("192.0.2.60", 143, "mail.example.org");
}

static bool finds_parents_name(void)
{
    return child_finds("192.0.2.61", 143, "mail.example.org");
}

static void child_has_the_forking_threads_names(void **state)
{
    (void)state;
    other_thread_asks("other.example.org", "192.0.2.61", 143);
    ask("mail.example.org", "192.0.2.61", 143);
    in_child(finds_parents_name);
}

static bool own_lookup_wins(void)
{
    ask("child.example.org", "192.0.2.62", 143);
    return child_finds("192.0.2.62", 143, "child.example.org");
}

static void childs_lookup_is_later_than_its_parents(void **state)
{
    (void)state;
    ask("parent.example.org", "192.0.2.62", 143);
    in_child(own_lookup_wins);
    assert_both("192.0.2.62", 143, "parent.example.org", "child.example.org"); /* a resolver child */
}

/* A process lets a sibling or its parent go first by reading a byte from it. */
static int before[2];

static bool finds_both(void)
{
    char go;

    return read(before[0], &go, 1) == 1 && find("192.0.2.63", 143)->count == 2 && !found.lost;
}

static void forked_while_parent_goes_on(const char *then, bool (*body)(void))
{
    int status;

    assert_int_equal(pipe(before), 0);
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        _exit(body() ? 0 : 1);
    ask(then, "192.0.2.63", 143);
    assert_int_equal(write(before[1], "", 1), 1);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    close(before[0]);
    close(before[1]);
}

/* The parent may look names up for its child. */
static void what_the_parent_asks_after_the_fork_must_match_too(void **state)
{
    (void)state;
    ask("mail.example.org", "192.0.2.63", 143);
    forked_while_parent_goes_on("link.attacker.example", finds_both);
}

/* If the parent asks again, the order before the fork is lost: then both names must match. */
static void what_the_parent_asks_again_after_the_fork_stays_the_childs(void **state)
{
    (void)state;
    ask("mail.example.org", "192.0.2.63", 143);
    ask("link.attacker.example", "192.0.2.63", 143);
    forked_while_parent_goes_on("mail.example.org", finds_both);
}

static bool second_preforked_child(void)
{
    ask("second.example.org", "192.0.2.64", 143);
    return child_finds("192.0.2.64", 143, "second.example.org");
}

static bool first_preforked_child(void)
{
    ask("first.example.org", "192.0.2.64", 143);
    return true;
}

/* They run one after the other. */
static void preforked_children_do_not_get_in_each_others_way(void **state)
{
    (void)state;
    in_child(first_preforked_child);
    in_child(second_preforked_child);
    assert_both("192.0.2.64", 143, "first.example.org", "second.example.org");
}

static bool deep(int levels)
{
    int status;
    const pid_t child = fork();

    if (child == 0)
        _exit((levels ? deep(levels - 1) : find("192.0.2.65", 143)->count == 1) ? 0 : 1);
    return child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void grandchildren_have_the_names_too(void **state)
{
    (void)state;
    ask("mail.example.org", "192.0.2.65", 143);
    assert_true(deep(12));
}

static bool sibling_asks(void)
{
    ask("sibling.example.org", "192.0.2.67", 143);
    return true;
}

/* The child has written into this process's memory, but this process's lookups count as before. */
static void vfork_changes_nothing_for_the_parent(void **state)
{
    int status;

    (void)state;
    ask("mail.example.org", "192.0.2.68", 143);
    other_thread_asks("mail.example.org", "192.0.2.67", 143);
    in_child(sibling_asks);
    for (int round = 0; round < 3; round++) {
        const pid_t child = vfork();
        assert_true(child >= 0);
        if (child == 0)
            _exit(child_finds("192.0.2.68", 143, "mail.example.org") ? 0 : 1);
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
        assert_both("192.0.2.67", 143, "mail.example.org", "sibling.example.org");
        assert_only("192.0.2.68", 143, "mail.example.org");
    }
}

/* A child killed anywhere while it writes destroys one entry at most, and nobody has to wait. */
static void killed_writer_hurts_nobody(void **state)
{
    int status;

    (void)state;
    for (int round = 0; round < 50; round++) {
        const pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            char name[64];
            for (unsigned i = 0;; i++) {
                snprintf(name, sizeof name, "k%u.example.org", i);
                ask(name, "192.0.2.66", 143);
            }
        }
        while (find("192.0.2.66", 143)->count == 0)
            ;
        kill(child, SIGKILL);
        assert_int_equal(waitpid(child, &status, 0), child);
    }
    ask("mail.example.org", "192.0.2.66", 143);
    assert_only("192.0.2.66", 143, "mail.example.org");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(name_that_a_flood_pushed_out_is_told_as_lost),
        cmocka_unit_test(loss_is_of_one_address),
        cmocka_unit_test(many_threads_that_ask_for_one_name_push_nothing_out),
        cmocka_unit_test(many_children_that_ask_for_one_name_push_nothing_out),
        cmocka_unit_test(threads_at_once_each_find_their_own),
        cmocka_unit_test(resolver_childs_answer_counts),
        cmocka_unit_test(child_has_the_forking_threads_names),
        cmocka_unit_test(childs_lookup_is_later_than_its_parents),
        cmocka_unit_test(what_the_parent_asks_after_the_fork_must_match_too),
        cmocka_unit_test(what_the_parent_asks_again_after_the_fork_stays_the_childs),
        cmocka_unit_test(preforked_children_do_not_get_in_each_others_way),
        cmocka_unit_test(grandchildren_have_the_names_too),
        cmocka_unit_test(vfork_changes_nothing_for_the_parent),
        cmocka_unit_test(killed_writer_hurts_nobody),
        cmocka_unit_test(answer_with_too_many_addresses_leaves_what_is_asked_for_afterwards),
    };

    return cmocka_run_group_tests(tests, start, NULL);
}
