/*
 * The forms of one name. A name found in an answer must be recognised in whichever form the program looks it
 * up. Otherwise an attacker's answer picks a form that makes his name count as if the person had typed it.
 */
#include "policy/address.h"
#include "tests/unit/names_helpers.h"

static void assert_same(const char *a, const char *b)
{
    if (name_hash(a) != name_hash(b))
        fail_msg("%s is not %s", a, b);
}

static void all_forms_of_a_literal_are_one(void **state)
{
    (void)state;
    assert_same("0x7f.1", "127.0.0.1");
    assert_same("127.1", "127.0.0.1");
    assert_same("0x7F000001", "127.0.0.1");
    assert_same("017700000001", "127.0.0.1");
    assert_same("127.0.0.1.", "127.0.0.1");
    assert_same("::ffff:127.0.0.1", "127.0.0.1");
    assert_same("2001:DB8:0::1", "2001:db8::1");
    assert_same("fe80::1%eth0", "fe80::1");
    assert_true(name_hash("127.0.0.2") != name_hash("127.0.0.1"));
    assert_true(name_hash("1.2.3.4.5") != name_hash("1.2.3.4"));
    assert_true(name_hash("beef.cafe") != name_hash("192.0.2.1"));
}

/* As dn_expand(3) writes them, and as code writes them that copies the bytes. */
static void escapes_are_no_part_of_a_name(void **state)
{
    (void)state;
    assert_same("a\\.b.example", "a.b.example");
    assert_same("a\\@b.example", "a@b.example");
    assert_same("\\101bc.example", "ebc.example");
    assert_same("a\\\\b.example", "a\\b.example");
    assert_same("m\\195\\188ller.example", "xn--mller-kva.example");
    assert_same("a\\000b.example", "a");
    assert_same("a\\", "a");
    assert_true(name_hash("a\\09") == name_hash("a09"));
}

static void literal_is_told_from_a_name(void **state)
{
    struct wire_address address;

    (void)state;
    assert_true(address_of_literal("0xc0.2", &address));
    assert_int_equal(address.family, AF_INET);
    assert_memory_equal(address.bytes, "\xc0\0\0\2", 4);
    assert_true(address_of_literal("::ffff:192.0.2.1", &address));
    assert_int_equal(address.family, AF_INET);
    assert_true(address_of_literal("fe80::1%lo", &address));
    assert_int_equal(address.family, AF_INET6);
    assert_false(address_of_literal("", &address));
    assert_false(address_of_literal("1.2.3.4.5", &address));
    assert_false(address_of_literal("1.2.3.4 ", &address));
    assert_false(address_of_literal("mail.example.org", &address));
}

/*
 * An attacker's MX record: an address as a name leads to loopback, or to his own address, without another
 * question.
 */
static void literal_out_of_an_answer_is_known_in_plain_form(void **state)
{
    (void)state;
    derive("example.org", "0xc0.0.2.100", NAMES_EXCHANGER);
    ask("192.0.2.100", "192.0.2.100", 25); /* as getaddrinfo.c remembers them */
    assert_both("192.0.2.100", 25, "example.org", "192.0.2.100");
}

static void escaped_name_out_of_an_answer_is_known(void **state)
{
    (void)state;
    derive("example.org", "a@b.localhost", NAMES_EXCHANGER); /* as bytes of the message (dns_answer.h) */
    ask("a\\@b.localhost", "192.0.2.101", 25);               /* as dn_expand() writes it */
    assert_both("192.0.2.101", 25, "example.org", "a\\@b.localhost");
}

/* _imap._tcp.example.org is an alias of _imap._tcp.attacker.example, which the program follows by itself. */
static void service_that_is_an_alias_leads_back(void **state)
{
    (void)state;
    derive("_imap._tcp.example.org", "_imap._tcp.attacker.example", NAMES_ALIAS);
    derive("_imap._tcp.attacker.example", "host.attacker.example", NAMES_EXCHANGER);
    ask("host.attacker.example", "192.0.2.102", 143);
    assert_int_equal(find("192.0.2.102", 143)->count, 3);
}

static void alias_with_an_underscore_leads_back(void **state)
{
    (void)state;
    derive("mail.example.org", "_mail.attacker.example", NAMES_ALIAS);
    ask("_mail.attacker.example", "192.0.2.103", 143);
    assert_both("192.0.2.103", 143, "_mail.attacker.example", "mail.example.org");
}

static void address_that_dns_is_asked_the_name_of(void **state)
{
    static const char *const none[] = {"",
                                       "in-addr.arpa",
                                       "1.2.0.in-addr.arpa",
                                       "256.2.0.192.in-addr.arpa",
                                       "1.2.0.192.in-addr.arpa.example",
                                       "1.2.0.192",
                                       "1..0.192.in-addr.arpa",
                                       "25.1.2.0.192.in-addr.arpa",
                                       "1.0.ip6.arpa",
                                       "mail.example.org"};
    struct wire_address address;
    char text[80] = "";

    (void)state;
    assert_true(name_reverse("1.2.0.192.in-addr.arpa", &address));
    assert_int_equal(address.family, AF_INET);
    assert_memory_equal(address.bytes, ((const uint8_t[]){192, 0, 2, 1}), 4);
    assert_true(name_reverse("1.2.0.192.IN-ADDR.ARPA.", &address));
    for (int i = 0; i < 32; i++)
        strcat(text, i == 0 ? "f." : i == 31 ? "2." : "0.");
    strcat(text, "ip6.arpa");
    assert_true(name_reverse(text, &address));
    assert_int_equal(address.family, AF_INET6);
    assert_memory_equal(address.bytes, ((const uint8_t[16]){0x20, [15] = 0x0f}), 16);
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++)
        assert_false(name_reverse(none[i], &address));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_forms_of_a_literal_are_one),
        cmocka_unit_test(escapes_are_no_part_of_a_name),
        cmocka_unit_test(literal_is_told_from_a_name),
        cmocka_unit_test(literal_out_of_an_answer_is_known_in_plain_form),
        cmocka_unit_test(escaped_name_out_of_an_answer_is_known),
        cmocka_unit_test(service_that_is_an_alias_leads_back),
        cmocka_unit_test(alias_with_an_underscore_leads_back),
        cmocka_unit_test(address_that_dns_is_asked_the_name_of),
    };

    return cmocka_run_group_tests(tests, start, NULL);
}
