/*
 * Which names a certificate must match: one test for each tier, and for each way in which threads and a
 * spoofed address could give the wrong one.
 */
#include <errno.h>
#include <stdio.h>

#include "tests/unit/names_helpers.h"

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
    };

    return cmocka_run_group_tests(tests, start, NULL);
}
