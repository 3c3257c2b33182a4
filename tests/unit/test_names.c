/*
 * Which names a certificate must match: a test for each rule, and for each way in which threads and a spoofed
 * address could lead to the wrong one. Names found in answers: test_names_derived.c.
 */
#include <errno.h>
#include <stdio.h>

#include "tests/unit/names_helpers.h"

/* ---- ranks of lookups */

static void nobody_asked_nothing_found(void **state)
{
    (void)state;
    ask("mail.example.org", "192.0.2.1", 143);
    assert_int_equal(find("192.0.2.2", 143)->count, 0);
}

/* The host of a link, at the same spoofed address, must not make its certificate good for the mail server. */
static void latest_name_of_this_thread_wins(void **state)
{
    (void)state;
    ask("link.attacker.example", "192.0.2.10", 143);
    ask("mail.example.org", "192.0.2.10", 143);
    assert_only("192.0.2.10", 143, "mail.example.org");
    ask("link.attacker.example", "192.0.2.10", 143);
    assert_only("192.0.2.10", 143, "link.attacker.example");
}

/* The other thread may have asked for this one (GLib, Qt), which itself once looked up the host of a link. */
static void what_another_thread_asked_for_later_must_match_too(void **state)
{
    (void)state;
    ask("link.attacker.example", "192.0.2.11", 143);
    other_thread_asks("mail.example.org", "192.0.2.11", 143);
    assert_both("192.0.2.11", 143, "link.attacker.example", "mail.example.org");
    other_thread_asks("www.example.org", "192.0.2.11", 0);
    assert_int_equal(find("192.0.2.11", 143)->count, 3);
    ask("mail.example.org", "192.0.2.11", 143);
    assert_only("192.0.2.11", 143, "mail.example.org");
}

/* An attacker's DNS server can delay the answer to this thread's own question as long as he likes. */
static void what_another_thread_learns_while_this_one_waits_must_match_too(void **state)
{
    struct names_question question = names_begin("link.attacker.example", false);
    const struct wire_address address = v4("192.0.2.24", 143);

    (void)state;
    other_thread_asks("mail.example.org", "192.0.2.24", 143);
    names_answer(&question, &address);
    assert_both("192.0.2.24", 143, "link.attacker.example", "mail.example.org");
}

/* A pool of resolver threads: nobody can say for which of the two names this connection is. */
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

/* A resolver thread asks on behalf of anybody, and this thread may connect to any of the names. */
static void all_names_of_another_thread_must_match(void **state)
{
    (void)state;
    in_thread(two_lookups, NULL);
    assert_both("192.0.2.13", 143, "old.example.org", "new.example.org");
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

static void other_threads_lookups_count_with_the_port_and_without(void **state)
{
    (void)state;
    other_thread_asks("www.example.org", "192.0.2.18", 0);
    other_thread_asks("mail.example.org", "192.0.2.18", 143);
    other_thread_asks("smtp.example.org", "192.0.2.18", 25);
    assert_both("192.0.2.18", 143, "www.example.org", "mail.example.org");
}

/*
 * gethostbyname(server) and connect(), after imap://link.attacker.example:143/ was looked up with its port.
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

/* The person may have typed the address: the name also leads to it, but its certificate alone will not do. */
static void later_address_literal_must_match_too(void **state)
{
    (void)state;
    ask("link.attacker.example", "192.0.2.21", 143);
    ask("192.0.2.21", "192.0.2.21", 0);
    assert_both("192.0.2.21", 143, "link.attacker.example", "192.0.2.21");
}

/* The program may have the address from the answer for another name, which then still counts. */
static void address_literal_does_not_replace_other_names(void **state)
{
    (void)state;
    ask("192.0.2.22", "192.0.2.22", 143);
    assert_only("192.0.2.22", 143, "192.0.2.22");
    ask("bank.example.org", "192.0.2.22", 143);
    ask("192.0.2.22", "192.0.2.22", 143);
    ask("192.0.2.22", "192.0.2.22", 143);
    assert_both("192.0.2.22", 143, "bank.example.org", "192.0.2.22");
    ask("mail.example.org", "192.0.2.22", 143);
    assert_only("192.0.2.22", 143, "mail.example.org");
    ask("bank.example.org", "192.0.2.221", 0);
    ask("192.0.2.221", "192.0.2.221", 143);
    assert_both("192.0.2.221", 143, "bank.example.org", "192.0.2.221");
}

/* getaddrinfo_a(): the order in which the program collects answers means nothing. */
static void lookups_made_apart_must_all_match(void **state)
{
    (void)state;
    ask_apart("mail.example.org", "192.0.2.23", 143);
    ask_apart("link.attacker.example", "192.0.2.23", 143);
    ask_apart("Mail.Example.Org", "192.0.2.23", 143);
    assert_both("192.0.2.23", 143, "mail.example.org", "link.attacker.example");
}

/* ---- looked up with one port, and connected to another */

static void lookup_with_another_port_counts(void **state)
{
    (void)state;
    ask("mail.example.org", "192.0.2.25", 143);
    assert_only("192.0.2.25", 2143, "mail.example.org");
    other_thread_asks("mail.example.org", "192.0.2.26", 143);
    other_thread_asks("imap.example.org", "192.0.2.26", 25);
    assert_both("192.0.2.26", 2143, "mail.example.org", "imap.example.org");
}

/* A link to imap://link.attacker.example:2143/ must not hide the name looked up in another way. */
static void lookup_with_another_port_counts_beside_others_with_this(void **state)
{
    (void)state;
    other_thread_asks("link.attacker.example", "192.0.2.27", 2143);
    ask("mail.example.org", "192.0.2.27", 143);
    assert_both("192.0.2.27", 2143, "link.attacker.example", "mail.example.org");
    other_thread_asks("www.example.org", "192.0.2.27", 80);
    assert_int_equal(find("192.0.2.27", 2143)->count, 3);
}

static void latest_lookup_with_another_port_counts(void **state)
{
    (void)state;
    ask("link.attacker.example", "192.0.2.28", 80);
    ask("mail.example.org", "192.0.2.28", 143);
    assert_only("192.0.2.28", 2143, "mail.example.org");
}

/* A website and a mail server at one address. */
static void lookup_with_another_port_says_nothing_where_one_had_this(void **state)
{
    (void)state;
    ask("mail.example.org", "192.0.2.29", 143);
    ask("www.example.org", "192.0.2.29", 80);
    assert_only("192.0.2.29", 143, "mail.example.org");
    other_thread_asks("mail.example.org", "192.0.2.36", 143);
    other_thread_asks("www.example.org", "192.0.2.36", 80);
    assert_only("192.0.2.36", 143, "mail.example.org");
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

/* In this way, too, spoofed DNS can lead to another user's listener on this machine. */
static void unspecified_address_is_loopback(void **state)
{
    const struct wire_address any = v6("::", 143), mapped = v6("::ffff:0.0.0.0", 143), one = v6("::1", 143);

    (void)state;
    ask("bank.example.org", "0.0.0.0", 143);
    assert_only("127.0.0.1", 143, "bank.example.org");
    names_find(&mapped, &found);
    assert_int_equal(found.count, 1);
    struct names_question question = names_begin("bank.example.org", false);
    names_answer(&question, &any);
    names_find(&one, &found);
    assert_int_equal(found.count, 1);
    assert_string_equal(found.name[0], "bank.example.org");
}

static void scope_is_not_told_apart(void **state)
{
    struct wire_address address = v6("fe80::30", 143);

    (void)state;
    struct names_question question = names_begin("mail.example.org", false);
    names_answer(&question, &address);
    address.scope = 2;
    names_find(&address, &found);
    assert_int_equal(found.count, 1);
    assert_string_equal(found.name[0], "mail.example.org");
}

static void longest_name_is_kept_and_longer_ones_are_no_hosts(void **state)
{
    char name[NAME_LIMIT + 1];

    (void)state;
    memset(name, 'a', NAME_LIMIT);
    name[NAME_LIMIT] = '\0';
    ask(name, "192.0.2.31", 143);
    assert_only("192.0.2.31", 143, NAMES_NO_HOST);
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
        cmocka_unit_test(what_another_thread_asked_for_later_must_match_too),
        cmocka_unit_test(what_another_thread_learns_while_this_one_waits_must_match_too),
        cmocka_unit_test(names_of_other_threads_must_all_match),
        cmocka_unit_test(all_names_of_another_thread_must_match),
        cmocka_unit_test(a_name_asked_by_two_threads_is_one),
        cmocka_unit_test(lookup_without_port_is_good_for_any),
        cmocka_unit_test(other_threads_lookup_without_port_comes_last),
        cmocka_unit_test(lookup_with_the_port_comes_before_one_without),
        cmocka_unit_test(other_threads_lookups_count_with_the_port_and_without),
        cmocka_unit_test(later_lookup_without_port_must_match_too),
        cmocka_unit_test(own_lookup_without_port_must_match_beside_others_with_it),
        cmocka_unit_test(later_address_literal_must_match_too),
        cmocka_unit_test(address_literal_does_not_replace_other_names),
        cmocka_unit_test(lookups_made_apart_must_all_match),
        cmocka_unit_test(lookup_with_another_port_counts),
        cmocka_unit_test(lookup_with_another_port_counts_beside_others_with_this),
        cmocka_unit_test(latest_lookup_with_another_port_counts),
        cmocka_unit_test(lookup_with_another_port_says_nothing_where_one_had_this),
        cmocka_unit_test(mapped_address_is_the_ipv4_one),
        cmocka_unit_test(unspecified_address_is_loopback),
        cmocka_unit_test(scope_is_not_told_apart),
        cmocka_unit_test(longest_name_is_kept_and_longer_ones_are_no_hosts),
        cmocka_unit_test(trailing_dot_is_kept),
        cmocka_unit_test(errno_is_kept),
        cmocka_unit_test(more_names_than_fit_are_told),
    };

    return cmocka_run_group_tests(tests, start, NULL);
}
