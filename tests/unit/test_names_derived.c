/* Names found in answers (aliases, exchangers, names of addresses): which names a certificate must match. */
#include <stdio.h>

#include "tests/unit/names_helpers.h"

static void alias_that_is_looked_up_must_match_with_the_name_first_asked_for(void **state)
{
    (void)state;
    derive("mail.example.org", "Evil.Attacker.Example.", NAMES_ALIAS);
    ask("evil.attacker.example", "192.0.2.70", 143);
    assert_both("192.0.2.70", 143, "evil.attacker.example", "mail.example.org");
    /*
     * An answer about the attacker's own host names another host: the attacker's host's certificate is needed
     * too.
     */
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
    /* If it is looked up for itself as well, it always counts. */
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
    /* Looked up again, it becomes the name looked up last, and keeps its origin. */
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

/* Spoofed DNS could lead to another user's listener on this machine. */
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

/* The machine's own name, and its full name in /etc/hosts. */
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

int main(void)
{
    const struct CMUnitTest tests[] = {
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
    };

    return cmocka_run_group_tests(tests, start, NULL);
}
