/*
 * Which names a certificate must match: one test for each tier, and for each way in which threads, forked
 * children and a spoofed address could give the wrong one.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "preload/names.h"
#include "tests/unit/cmocka_all.h"

static struct names_found found;

static struct wire_address v4(const char *text, uint16_t port)
{
    struct wire_address address = {.family = AF_INET, .port = port};

    if (inet_pton(AF_INET, text, address.bytes) != 1)
        abort();
    return address;
}

static struct wire_address v6(const char *text, uint16_t port)
{
    struct wire_address address = {.family = AF_INET6, .port = port};

    if (inet_pton(AF_INET6, text, address.bytes) != 1)
        abort();
    return address;
}

static void ask(const char *name, const char *address, uint16_t port)
{
    const struct wire_address a = v4(address, port);

    names_remember(name, &a);
}

static const struct names_found *find(const char *address, uint16_t port)
{
    const struct wire_address a = v4(address, port);

    memset(&found, 0xee, sizeof found);
    names_find(&a, &found);
    return &found;
}

static void assert_only(const char *address, uint16_t port, const char *name)
{
    find(address, port);
    assert_int_equal(found.count, 1);
    assert_string_equal(found.name[0], name);
}

static void assert_both(const char *address, uint16_t port, const char *a, const char *b)
{
    find(address, port);
    assert_int_equal(found.count, 2);
    assert_true((!strcmp(found.name[0], a) && !strcmp(found.name[1], b)) ||
                (!strcmp(found.name[0], b) && !strcmp(found.name[1], a)));
}

/* Runs `body` in a thread of its own, to its end. */
static void in_thread(void *(*body)(void *), void *argument)
{
    pthread_t thread;

    assert_int_equal(pthread_create(&thread, NULL, body, argument), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
}

struct lookup {
    const char *name, *address;
    uint16_t port;
};

static void *look_up(void *argument)
{
    const struct lookup *const l = argument;

    ask(l->name, l->address, l->port);
    return NULL;
}

static void other_thread_asks(const char *name, const char *address, uint16_t port)
{
    struct lookup l = {name, address, port};

    in_thread(look_up, &l);
}

/* Runs `body` in a forked child, which must return true. */
static void in_child(bool (*body)(void))
{
    int status;
    const pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0)
        _exit(body() ? 0 : 1);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static bool child_finds(const char *address, uint16_t port, const char *name)
{
    find(address, port);
    return found.count == 1 && strcmp(found.name[0], name) == 0;
}

/* ---- tiers */

static void nobody_asked_nothing_found(void **state)
{
    (void)state;
    ask("mail.example.org", "192.0.2.1", 143);
    assert_int_equal(find("192.0.2.2", 143)->count, 0);
    assert_int_equal(find("192.0.2.1", 25)->count, 0);
}

/* A link's host on the same, spoofed address must not make its certificate good for the mail server. */
static void latest_name_of_this_thread_wins(void **state)
{
    (void)state;
    ask("link.attacker.example", "192.0.2.10", 143);
    ask("mail.example.org", "192.0.2.10", 143);
    assert_only("192.0.2.10", 143, "mail.example.org");
    ask("link.attacker.example", "192.0.2.10", 143);
    assert_only("192.0.2.10", 143, "link.attacker.example");
}

static void this_thread_comes_before_others_on_the_same_port(void **state)
{
    (void)state;
    ask("a.example.org", "192.0.2.11", 143);
    other_thread_asks("b.example.org", "192.0.2.11", 143);
    assert_only("192.0.2.11", 143, "a.example.org");
}

/* A pool of resolver threads: nobody can tell which of the two this connection is for. */
static void names_of_other_threads_must_all_match(void **state)
{
    (void)state;
    other_thread_asks("mail.example.org", "192.0.2.12", 143);
    other_thread_asks("link.attacker.example", "192.0.2.12", 143);
    assert_both("192.0.2.12", 143, "mail.example.org", "link.attacker.example");
}

static void *two_lookups(void *argument)
{
    (void)argument;
    ask("old.example.org", "192.0.2.13", 143);
    ask("new.example.org", "192.0.2.13", 143);
    return NULL;
}

static void latest_name_of_another_thread_wins(void **state)
{
    (void)state;
    in_thread(two_lookups, NULL);
    assert_only("192.0.2.13", 143, "new.example.org");
}

static void a_name_asked_by_two_threads_is_one(void **state)
{
    (void)state;
    other_thread_asks("mail.example.org", "192.0.2.14", 143);
    other_thread_asks("MAIL.Example.ORG", "192.0.2.14", 143);
    assert_only("192.0.2.14", 143, "mail.example.org");
}

static void lookup_without_port_is_good_for_any(void **state)
{
    (void)state;
    ask("mail.example.org", "192.0.2.15", 0);
    assert_only("192.0.2.15", 143, "mail.example.org");
    assert_only("192.0.2.15", 25, "mail.example.org");
}

static void other_threads_lookup_without_port_comes_last(void **state)
{
    (void)state;
    other_thread_asks("mail.example.org", "192.0.2.16", 0);
    assert_only("192.0.2.16", 143, "mail.example.org");
    ask("imap.example.org", "192.0.2.16", 0);
    assert_only("192.0.2.16", 143, "imap.example.org");
}

static void lookup_with_the_port_comes_before_one_without(void **state)
{
    (void)state;
    ask("www.example.org", "192.0.2.17", 0);
    ask("mail.example.org", "192.0.2.17", 143);
    assert_only("192.0.2.17", 143, "mail.example.org");
    assert_only("192.0.2.17", 25, "www.example.org");
}

static void other_threads_lookup_with_the_port_comes_before_others_without(void **state)
{
    (void)state;
    other_thread_asks("www.example.org", "192.0.2.18", 0);
    other_thread_asks("mail.example.org", "192.0.2.18", 143);
    assert_only("192.0.2.18", 143, "mail.example.org");
}

/* gethostbyname(server) and connect(), after imap://link.attacker.example:143/ was looked up with its port.
 */
static void later_lookup_without_port_must_match_too(void **state)
{
    (void)state;
    ask("link.attacker.example", "192.0.2.19", 143);
    ask("mail.example.org", "192.0.2.19", 0);
    assert_both("192.0.2.19", 143, "link.attacker.example", "mail.example.org");
}

static void own_lookup_without_port_must_match_beside_others_with_it(void **state)
{
    (void)state;
    ask("mail.example.org", "192.0.2.20", 0);
    other_thread_asks("link.attacker.example", "192.0.2.20", 143);
    assert_both("192.0.2.20", 143, "link.attacker.example", "mail.example.org");
}

/* Python 2 hands the numeric result to the resolver once more, without a port, before it connects. */
static void later_address_literal_without_port_is_a_conversion(void **state)
{
    (void)state;
    ask("mail.example.org", "192.0.2.21", 143);
    ask("192.0.2.21", "192.0.2.21", 0);
    assert_only("192.0.2.21", 143, "mail.example.org");
}

static void address_literal_is_a_name_like_another(void **state)
{
    (void)state;
    ask("192.0.2.22", "192.0.2.22", 143);
    assert_only("192.0.2.22", 143, "192.0.2.22");
    ask("link.attacker.example", "192.0.2.22", 143);
    ask("192.0.2.22", "192.0.2.22", 143);
    assert_only("192.0.2.22", 143, "192.0.2.22");
}

/* getaddrinfo_a(): the order in which the program collects answers says nothing. */
static void lookups_made_apart_must_all_match(void **state)
{
    const struct wire_address address = v4("192.0.2.23", 143);

    (void)state;
    names_remember_apart("mail.example.org", &address);
    names_remember_apart("link.attacker.example", &address);
    names_remember_apart("Mail.Example.Org", &address);
    assert_both("192.0.2.23", 143, "mail.example.org", "link.attacker.example");
}

/* ---- addresses and names */

static void mapped_address_is_the_ipv4_one(void **state)
{
    const struct wire_address mapped = v6("::ffff:192.0.2.30", 143), compatible = v6("::192.0.2.30", 143);

    (void)state;
    ask("mail.example.org", "192.0.2.30", 143);
    names_find(&mapped, &found);
    assert_int_equal(found.count, 1);
    names_find(&compatible, &found);
    assert_int_equal(found.count, 0);
}

static void scope_is_not_told_apart(void **state)
{
    struct wire_address address = v6("fe80::30", 143);

    (void)state;
    names_remember("mail.example.org", &address);
    address.scope = 2;
    names_find(&address, &found);
    assert_int_equal(found.count, 1);
    assert_string_equal(found.name[0], "mail.example.org");
}

static void longest_name_is_kept_and_longer_ones_are_not(void **state)
{
    char name[NAME_LIMIT + 1];

    (void)state;
    memset(name, 'a', NAME_LIMIT);
    name[NAME_LIMIT] = '\0';
    ask(name, "192.0.2.31", 143);
    assert_int_equal(find("192.0.2.31", 143)->count, 0);
    name[NAME_LIMIT - 1] = '\0';
    ask(name, "192.0.2.31", 143);
    assert_only("192.0.2.31", 143, name);
    ask("", "192.0.2.32", 143);
    assert_int_equal(find("192.0.2.32", 143)->count, 0);
}

static void trailing_dot_is_kept(void **state)
{
    (void)state;
    ask("mail.example.org.", "192.0.2.33", 143);
    assert_only("192.0.2.33", 143, "mail.example.org.");
}

static void errno_is_kept(void **state)
{
    (void)state;
    errno = EDOM;
    ask("mail.example.org", "192.0.2.34", 143);
    find("192.0.2.34", 143);
    assert_int_equal(errno, EDOM);
}

static void more_names_than_fit_are_told(void **state)
{
    char name[64];

    (void)state;
    for (int i = 0; i < SETTINGS_LIST_LIMIT; i++) {
        snprintf(name, sizeof name, "n%d.example.org", i);
        other_thread_asks(name, "192.0.2.35", 143);
    }
    assert_int_equal(find("192.0.2.35", 143)->count, SETTINGS_LIST_LIMIT);
    other_thread_asks("one-more.example.org", "192.0.2.35", 143);
    assert_int_equal(find("192.0.2.35", 143)->count, UINT32_MAX);
}

/* ---- how much it holds */

static void thousand_lookups_are_all_remembered(void **state)
{
    char name[64], address[32];

    (void)state;
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 1000; i++) {
            snprintf(name, sizeof name, "host%d.example.org", i);
            snprintf(address, sizeof address, "10.1.%d.%d", i / 250, i % 250);
            ask(name, address, 25);
        }
    }
    for (int i = 0; i < 1000; i++) {
        snprintf(name, sizeof name, "host%d.example.org", i);
        snprintf(address, sizeof address, "10.1.%d.%d", i / 250, i % 250);
        assert_only(address, 25, name);
    }
}

/* A mail full of links to one spoofed address: the flood pushes out its own names, not another thread's. */
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

static void flood_of_names_leaves_other_threads_names(void **state)
{
    (void)state;
    other_thread_asks("mail.example.org", "192.0.2.40", 0);
    in_thread(flood, NULL);
    assert_both("192.0.2.40", 143, "mail.example.org", "n999.attacker.example");
}

static void forgotten_names_are_not_found(void **state)
{
    (void)state;
    ask("mail.example.org", "192.0.2.41", 143);
    names_forget();
    assert_int_equal(find("192.0.2.41", 143)->count, 0);
    ask("mail.example.org", "192.0.2.41", 143);
    assert_only("192.0.2.41", 143, "mail.example.org");
}

/* Far more than the table holds: the latest are there, and nothing is given that was not asked for. */
static void oldest_are_evicted(void **state)
{
    char name[64], address[32];
    int kept = 0;

    (void)state;
    for (int i = 0; i < 6000; i++) {
        snprintf(name, sizeof name, "e%d.example.org", i);
        snprintf(address, sizeof address, "10.2.%d.%d", i / 250, i % 250);
        ask(name, address, 25);
    }
    for (int i = 0; i < 6000; i++) {
        snprintf(name, sizeof name, "e%d.example.org", i);
        snprintf(address, sizeof address, "10.2.%d.%d", i / 250, i % 250);
        find(address, 25);
        assert_true(found.count <= 1);
        if (i >= 5900)
            assert_int_equal(found.count, 1);
        if (found.count)
            assert_string_equal(found.name[0], name);
        kept += (int)found.count;
    }
    assert_in_range(kept, 3500, 4096);
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
        snprintf(name, sizeof name, "w%d-%d.example.org", number, i % 5);
        names_remember(name, &address);
        names_find(&address, mine);
        bad += mine->count != 1 || strcmp(mine->name[0], name) != 0;
    }
    free(mine);
    return (void *)bad;
}

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
    assert_int_equal(find("192.0.2.50", 143)->count, WORKERS);
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
    assert_only("192.0.2.62", 143, "parent.example.org");
}

/* A child lets its sibling, or its parent, go first, by reading a byte from it. */
static int before[2];

static bool finds_name_from_before_the_fork(void)
{
    char go;

    return read(before[0], &go, 1) == 1 && child_finds("192.0.2.63", 143, "mail.example.org");
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

static void what_the_parent_asks_after_the_fork_is_not_the_childs(void **state)
{
    (void)state;
    ask("mail.example.org", "192.0.2.63", 143);
    forked_while_parent_goes_on("link.attacker.example", finds_name_from_before_the_fork);
}

static bool finds_both(void)
{
    char go;

    return read(before[0], &go, 1) == 1 && find("192.0.2.63", 143)->count == 2;
}

/* The order before the fork is lost when the parent asks again: then both must match. */
static void what_the_parent_asks_again_after_the_fork_stays_the_childs(void **state)
{
    (void)state;
    ask("mail.example.org", "192.0.2.63", 143);
    ask("link.attacker.example", "192.0.2.63", 143);
    forked_while_parent_goes_on("mail.example.org", finds_both);
}

static void *connects_by_thread(void *argument)
{
    bool *const good = argument;

    *good = child_finds("192.0.2.64", 143, "second.example.org");
    return NULL;
}

static bool second_preforked_child(void)
{
    bool good = false;

    other_thread_asks("second.example.org", "192.0.2.64", 143);
    in_thread(connects_by_thread, &good);
    return good;
}

static bool first_preforked_child(void)
{
    ask("first.example.org", "192.0.2.64", 143);
    return true;
}

/* Also where each child has resolver threads of its own. */
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

/* Its child has written into this process's memory, and this process is the same as before nonetheless. */
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
        assert_only("192.0.2.67", 143, "mail.example.org");
        assert_only("192.0.2.68", 143, "mail.example.org");
    }
}

/* Killed anywhere in the middle of writing, a child takes one entry with it at most, and nobody waits. */
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

static int start(void **state)
{
    (void)state;
    names_start();
    names_start();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nobody_asked_nothing_found),
        cmocka_unit_test(latest_name_of_this_thread_wins),
        cmocka_unit_test(this_thread_comes_before_others_on_the_same_port),
        cmocka_unit_test(names_of_other_threads_must_all_match),
        cmocka_unit_test(latest_name_of_another_thread_wins),
        cmocka_unit_test(a_name_asked_by_two_threads_is_one),
        cmocka_unit_test(lookup_without_port_is_good_for_any),
        cmocka_unit_test(other_threads_lookup_without_port_comes_last),
        cmocka_unit_test(lookup_with_the_port_comes_before_one_without),
        cmocka_unit_test(other_threads_lookup_with_the_port_comes_before_others_without),
        cmocka_unit_test(later_lookup_without_port_must_match_too),
        cmocka_unit_test(own_lookup_without_port_must_match_beside_others_with_it),
        cmocka_unit_test(later_address_literal_without_port_is_a_conversion),
        cmocka_unit_test(address_literal_is_a_name_like_another),
        cmocka_unit_test(lookups_made_apart_must_all_match),
        cmocka_unit_test(mapped_address_is_the_ipv4_one),
        cmocka_unit_test(scope_is_not_told_apart),
        cmocka_unit_test(longest_name_is_kept_and_longer_ones_are_not),
        cmocka_unit_test(trailing_dot_is_kept),
        cmocka_unit_test(errno_is_kept),
        cmocka_unit_test(more_names_than_fit_are_told),
        cmocka_unit_test(thousand_lookups_are_all_remembered),
        cmocka_unit_test(flood_of_names_leaves_other_threads_names),
        cmocka_unit_test(forgotten_names_are_not_found),
        cmocka_unit_test(threads_at_once_each_find_their_own),
        cmocka_unit_test(resolver_childs_answer_counts),
        cmocka_unit_test(child_has_the_forking_threads_names),
        cmocka_unit_test(childs_lookup_is_later_than_its_parents),
        cmocka_unit_test(what_the_parent_asks_after_the_fork_is_not_the_childs),
        cmocka_unit_test(what_the_parent_asks_again_after_the_fork_stays_the_childs),
        cmocka_unit_test(preforked_children_do_not_get_in_each_others_way),
        cmocka_unit_test(grandchildren_have_the_names_too),
        cmocka_unit_test(vfork_changes_nothing_for_the_parent),
        cmocka_unit_test(killed_writer_hurts_nobody),
        cmocka_unit_test(oldest_are_evicted), /* last: it fills the table */
    };

    return cmocka_run_group_tests(tests, start, NULL);
}
