/*
 * Which names a certificate must match: one test for each rule, and for each way in which threads, names out
 * of answers and a spoofed address could give the wrong one.
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

/* It may have asked for this thread (GLib, Qt), which once looked a link's host up itself. */
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

/* The attacker's DNS server can make this thread's own question last as long as he likes. */
static void what_another_thread_learns_while_this_one_waits_must_match_too(void **state)
{
    struct names_question question = names_begin("link.attacker.example", false);
    const struct wire_address address = v4("192.0.2.24", 143);

    (void)state;
    other_thread_asks("mail.example.org", "192.0.2.24", 143);
    names_answer(&question, &address);
    assert_both("192.0.2.24", 143, "link.attacker.example", "mail.example.org");
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

/* A resolver thread asks for whoever wants to know, and this thread may connect to any of it. */
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

/* The person may have typed it: another's certificate must not do, though the name leads to the same address.
 */
static void later_address_literal_must_match_too(void **state)
{
    (void)state;
    ask("link.attacker.example", "192.0.2.21", 143);
    ask("192.0.2.21", "192.0.2.21", 0);
    assert_both("192.0.2.21", 143, "link.attacker.example", "192.0.2.21");
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
    (void)state;
    ask_apart("mail.example.org", "192.0.2.23", 143);
    ask_apart("link.attacker.example", "192.0.2.23", 143);
    ask_apart("Mail.Example.Org", "192.0.2.23", 143);
    assert_both("192.0.2.23", 143, "mail.example.org", "link.attacker.example");
}

/* ---- asked for with one port, and connected to another */

static void lookup_with_another_port_counts(void **state)
{
    (void)state;
    ask("mail.example.org", "192.0.2.25", 143);
    assert_only("192.0.2.25", 2143, "mail.example.org");
    other_thread_asks("mail.example.org", "192.0.2.26", 143);
    other_thread_asks("imap.example.org", "192.0.2.26", 25);
    assert_both("192.0.2.26", 2143, "mail.example.org", "imap.example.org");
}

/* A link to imap://link.attacker.example:2143/ must not hide the name that was asked for otherwise. */
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

/* A website and a mail server of one address. */
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

/* ---- names out of answers */

static void alias_that_is_looked_up_must_match_with_the_name_first_asked_for(void **state)
{
    (void)state;
    derive("mail.example.org", "Evil.Attacker.Example.", NAMES_ALIAS);
    ask("evil.attacker.example", "192.0.2.70", 143);
    assert_both("192.0.2.70", 143, "evil.attacker.example", "mail.example.org");
    /* An answer about the attacker's own host names another's: that one's certificate is needed, too. */
    derive("link.attacker.example", "imap.bank.example", NAMES_ALIAS);
    ask("imap.bank.example", "192.0.2.71", 143);
    assert_both("192.0.2.71", 143, "link.attacker.example", "imap.bank.example");
}

static void alias_of_an_alias_leads_back_to_the_first(void **state)
{
    (void)state;
    derive("first.example.org", "second.example.net", NAMES_ALIAS);
    derive("second.example.net", "third.example.com", NAMES_ALIAS);
    ask("third.example.com", "192.0.2.72", 143);
    assert_int_equal(find("192.0.2.72", 143)->count, 3);
    assert_false(found.lost);
}

static void aliases_of_each_other_end(void **state)
{
    (void)state;
    derive("a.example.org", "b.example.org", NAMES_ALIAS);
    derive("b.example.org", "a.example.org", NAMES_ALIAS);
    derive("c.example.org", "c.example.org", NAMES_ALIAS);
    ask("a.example.org", "192.0.2.73", 143);
    assert_both("192.0.2.73", 143, "a.example.org", "b.example.org");
    ask("c.example.org", "192.0.2.73", 143);
    assert_only("192.0.2.73", 143, "c.example.org");
}

static void alias_found_by_another_thread_counts(void **state)
{
    (void)state;
    ask_apart("unrelated.example.org", "192.0.2.74", 143);
    derive("mail.example.org", "host7.example.net", NAMES_ALIAS);
    other_thread_asks("host7.example.net", "192.0.2.75", 143);
    assert_both("192.0.2.75", 143, "host7.example.net", "mail.example.org");
}

static void exchanger_counts_with_the_latest_domain(void **state)
{
    (void)state;
    derive("one.example.org", "mx.example.net", NAMES_EXCHANGER);
    derive("two.example.org", "mx.example.net", NAMES_EXCHANGER);
    ask("mx.example.net", "192.0.2.76", 25);
    assert_both("192.0.2.76", 25, "mx.example.net", "two.example.org");
    for (uint32_t i = 0; i < 2; i++) {
        const bool domain = strcmp(found.name[i], "two.example.org") == 0;
        assert_true(found.exchanger[i] == (domain ? name_hash("MX.example.net.") : 0));
    }
    /* Asked for itself, too, it counts in any case. */
    other_thread_asks("two.example.org", "192.0.2.76", 25);
    find("192.0.2.76", 25);
    assert_int_equal(found.count, 2);
    assert_true(found.exchanger[0] == 0 && found.exchanger[1] == 0);
}

static void service_is_no_part_of_the_name_first_asked_for(void **state)
{
    (void)state;
    derive("_imap._tcp.example.org", "imap.provider.example", NAMES_EXCHANGER);
    ask("imap.provider.example", "192.0.2.77", 143);
    assert_both("192.0.2.77", 143, "imap.provider.example", "example.org");
}

static void reverse(const char *address, const char *name)
{
    const struct wire_address a = v4(address, 0);
    const struct names_question question = names_begin_reverse(&a);

    names_derive(&question, name, NAMES_ALIAS);
}

static void name_of_an_address_leads_back_to_the_name_first_asked_for(void **state)
{
    (void)state;
    ask("mail.example.org", "192.0.2.90", 143);
    reverse("192.0.2.90", "evil.reverse.example");
    ask("evil.reverse.example", "192.0.2.90", 143);
    assert_both("192.0.2.90", 143, "mail.example.org", "evil.reverse.example");
    /* Asked again, it is the name that was looked up last itself, and where it came from stays. */
    reverse("192.0.2.90", "evil.reverse.example");
    ask("evil.reverse.example", "192.0.2.90", 143);
    assert_both("192.0.2.90", 143, "mail.example.org", "evil.reverse.example");
}

static void name_of_an_address_that_nobody_asked_for_leads_back_to_the_address(void **state)
{
    (void)state;
    reverse("192.0.2.91", "second.reverse.example");
    ask("second.reverse.example", "192.0.2.92", 143);
    assert_both("192.0.2.92", 143, "192.0.2.91", "second.reverse.example");
}

/* Spoofed DNS could lead to a listener of another user's on this machine. */
static void localhost_leads_back_to_the_name_first_asked_for(void **state)
{
    (void)state;
    ask("bank.example.org", "127.0.0.99", 143);
    reverse("127.0.0.99", "localhost");
    ask("localhost", "127.0.0.98", 143);
    assert_both("127.0.0.98", 143, "bank.example.org", "localhost");
    derive("bank.example.org", "mail.localhost", NAMES_ALIAS);
    ask("mail.localhost", "127.0.0.97", 143);
    assert_both("127.0.0.97", 143, "bank.example.org", "mail.localhost");
}

static void name_of_an_address_leads_back_to_all_that_others_asked_for(void **state)
{
    (void)state;
    other_thread_asks("mail.example.org", "192.0.2.93", 143);
    other_thread_asks("www.example.org", "192.0.2.93", 80);
    reverse("192.0.2.93", "third.reverse.example");
    ask("third.reverse.example", "192.0.2.94", 143);
    assert_int_equal(find("192.0.2.94", 143)->count, 3);
    assert_false(found.lost);
}

/* The machine's own name and what /etc/hosts says that it is in full. */
static void alias_by_the_hosts_file_is_the_same_host(void **state)
{
    (void)state;
    reverse("127.0.0.1", "localhost");
    ask("localhost", "192.0.2.95", 143);
    assert_only("192.0.2.95", 143, "localhost");
}

static void names_in_other_letters_are_the_same_name(void **state)
{
    (void)state;
    assert_true(name_hash("M\xc3\xbcller.example") == name_hash("xn--mller-kva.example."));
    assert_true(name_hash("") != 0);
    derive("mail.example.org", "xn--mller-kva.example", NAMES_ALIAS);
    ask("m\xc3\xbcller.example", "192.0.2.78", 143);
    assert_int_equal(find("192.0.2.78", 143)->count, 2);
}

static void too_many_origins_of_a_name_are_told(void **state)
{
    char name[64];

    (void)state;
    for (int i = 0; i < 20; i++) {
        snprintf(name, sizeof name, "customer%d.example.org", i);
        derive(name, "shared.example.net", NAMES_ALIAS);
    }
    ask("shared.example.net", "192.0.2.79", 143);
    assert_true(find("192.0.2.79", 143)->lost);
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
        cmocka_unit_test(address_literal_is_a_name_like_another),
        cmocka_unit_test(lookups_made_apart_must_all_match),
        cmocka_unit_test(lookup_with_another_port_counts),
        cmocka_unit_test(lookup_with_another_port_counts_beside_others_with_this),
        cmocka_unit_test(latest_lookup_with_another_port_counts),
        cmocka_unit_test(lookup_with_another_port_says_nothing_where_one_had_this),
        cmocka_unit_test(alias_that_is_looked_up_must_match_with_the_name_first_asked_for),
        cmocka_unit_test(alias_of_an_alias_leads_back_to_the_first),
        cmocka_unit_test(aliases_of_each_other_end),
        cmocka_unit_test(alias_found_by_another_thread_counts),
        cmocka_unit_test(exchanger_counts_with_the_latest_domain),
        cmocka_unit_test(service_is_no_part_of_the_name_first_asked_for),
        cmocka_unit_test(name_of_an_address_leads_back_to_the_name_first_asked_for),
        cmocka_unit_test(name_of_an_address_that_nobody_asked_for_leads_back_to_the_address),
        cmocka_unit_test(name_of_an_address_leads_back_to_all_that_others_asked_for),
        cmocka_unit_test(alias_by_the_hosts_file_is_the_same_host),
        cmocka_unit_test(localhost_leads_back_to_the_name_first_asked_for),
        cmocka_unit_test(names_in_other_letters_are_the_same_name),
        cmocka_unit_test(too_many_origins_of_a_name_are_told),
        cmocka_unit_test(mapped_address_is_the_ipv4_one),
        cmocka_unit_test(scope_is_not_told_apart),
        cmocka_unit_test(longest_name_is_kept_and_longer_ones_are_no_hosts),
        cmocka_unit_test(trailing_dot_is_kept),
        cmocka_unit_test(errno_is_kept),
        cmocka_unit_test(more_names_than_fit_are_told),
    };

    return cmocka_run_group_tests(tests, start, NULL);
}
