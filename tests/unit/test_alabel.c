/*
 * A program may ask for a name in UTF-8 while the policy has it as the DNS does. The rule must be found all
 * the same, or what it guards goes out in clear text.
 */
#include <idn2.h>
#include <stdlib.h>
#include <string.h>

#include "policy/alabel.h"
#include "policy/policy.h"
#include "tests/unit/policy_files.h"

static void names_become_what_the_dns_has(void **state)
{
    /* The lower-case samples of RFC 3492, 7.1, and common names. */
    static const char *const names[] = {
        "bücher.example",
        "BÜCHER.Example",
        "grün.mail.example.org",
        "ليهمابتكلموشعربي؟.example",
        "他们为什么不说中文",
        "他們爲什麽不說中文",
        "почемужеонинеговорятпорусски",
        "ПОЧТА.РФ",
        "ΠΑΡΆΔΕΙΓΜΑ.example",
        "なぜみんな日本語を話してくれないのか.example",
        "3年b組金八先生",
        "安室奈美恵-with-super-monkeys",
        "straße.example",
        "ŁÓDŹ.example",
        "žluťoučký-kůň.ŽĎÁR.cz",
        "a。b．ü｡example",
        "😀.example",
    };
    char made[256];

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char *right = NULL;

        if (idn2_to_ascii_8z(names[i], &right, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL) != IDN2_OK &&
            idn2_to_ascii_8z(names[i], &right, IDN2_NO_TR46) != IDN2_OK)
            continue; /* libidn2 has no answer */
        assert_true(alabel_from(made, sizeof made, names[i], strlen(names[i])));
        assert_string_equal(made, right);
        idn2_free(right);
    }
}

static void what_is_no_name_is_none(void **state)
{
    static const char *const none[] = {"\xff.example", "\xc0\xae.example", "\xed\xa0\x80", "\xf4\x90\x80\x80",
                                       "\xc3",         "\xe2\x82"};
    char made[64], text[200];

    (void)state;
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++)
        assert_false(alabel_from(made, sizeof made, none[i], strlen(none[i])));
    for (size_t size = 1; size < 20; size++)
        assert_int_equal(alabel_from(made, size,
                                     "b\xc3\xbc"
                                     "cher.ex",
                                     10),
                         size >= 17);
    for (size_t i = 0; i + 1 < sizeof text; i += 2)
        memcpy(text + i, "\xc3\xbc", 2);
    assert_false(alabel_from(made, sizeof made, text, sizeof text)); /* a label of 100 characters */
}

static enum decision decision(const struct policy *policy, const char *host)
{
    const struct policy_query query = {.address = address_of("192.0.2.1", 1143),
                                       .hosts = {.count = 1, .item = {host}}};
    struct settings settings;

    return policy_decide(policy, &query, &settings);
}

static void rule_for_an_a_label_fits_its_u_label(void **state)
{
    const struct policy *policy = good_policy("match host xn--grn-ioa.example.org port 1143\n protocol imap\n"
                                              "match host *.xn--90ais port 1143\n protocol imap\n");

    (void)state;
    assert_int_equal(decision(policy, "xn--grn-ioa.example.org"), DECISION_GUARD);
    assert_int_equal(decision(policy, "grün.example.org"), DECISION_GUARD);
    assert_int_equal(decision(policy, "Grün.Example.ORG."), DECISION_GUARD);
    assert_int_equal(decision(policy, "пошта.бел"), DECISION_GUARD);
    assert_int_equal(decision(policy, "blau.example.org"), DECISION_UNTOUCHED);
    assert_int_equal(decision(policy, "gr\xfcn.example.org"), DECISION_UNTOUCHED);
    policy_free(policy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_become_what_the_dns_has),
        cmocka_unit_test(what_is_no_name_is_none),
        cmocka_unit_test(rule_for_an_a_label_fits_its_u_label),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
