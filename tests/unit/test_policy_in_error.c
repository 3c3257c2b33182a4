/* What a policy with errors stops, and what it leaves alone. */
#include <stdlib.h>
#include <string.h>

#include "tests/unit/policy_decisions.h"

static void error_stops_the_usual_ports_and_what_blocks_are_about(void **state)
{
    const struct policy *policy = policy_of("match port 1143 host *.example.org\n levle may\n"
                                            "match program /opt/x\n level none\n");

    (void)state;
    assert_string_not_equal(policy_errors(policy), "");
    assert_true(fails(policy, out, 25, NULL) && fails(policy, out, 1143, "a.example.org"));
    assert_true(fails(policy, lo, 1143, "a.example.org")); /* a block names it */
    assert_false(fails(policy, lo, 25, NULL) || fails(policy, out, 1143, "a.example.com"));
    assert_int_equal(decision(policy, out, 8080, NULL, "/opt/x"),
                     DECISION_UNTOUCHED); /* level none: it guards nothing */
    assert_int_equal(decision(policy, out, 25, NULL, "/opt/x"), DECISION_ERROR);
    assert_true(policy_may_guard(policy, 8080));
    policy_free(policy);
}

static void error_in_the_defaults_leaves_blocks_in_place(void **state)
{
    const struct policy *policy = policy_of("levle none\nmatch port 1143\nmatch port 1110\n level none\n");

    (void)state;
    assert_true(fails(policy, out, 25, NULL) && fails(policy, out, 1143, NULL));
    assert_false(fails(policy, out, 1110, NULL) || fails(policy, out, 2525, NULL));
    policy_free(policy);
    policy = policy_of("match port 1143\n level none\n certificate x\n"); /* the level is unknown */
    assert_true(fails(policy, out, 1143, NULL));
    policy_free(policy);
    policy = policy_of("match program mutt\n level none\n certificate x\n");
    assert_false(fails(policy, out, 2525, NULL)); /* it names no port, whatever its level */
    policy_free(policy);
}

/* A criterion that we cannot read may have named anything. */
static void unreadable_criterion_fits_everything(void **state)
{
    const struct policy *policy = policy_of("match port 114x host a.example.org\n level may\n");

    (void)state;
    assert_true(fails(policy, out, 2525, "a.example.org") && fails(policy, lo, 2525, "a.example.org"));
    assert_false(fails(policy, out, 2525, "b.example.org"));
    assert_false(fails(policy, out, 22, "a.example.org") || fails(policy, out, 443, "a.example.org") ||
                 fails(policy, out, 993, "a.example.org")); /* never plaintext mail */
    policy_free(policy);
    policy = policy_of("match port 1143 host a..b\n");
    assert_true(fails(policy, lo, 1143, NULL));
    assert_false(fails(policy, out, 1144, NULL));
    policy_free(policy);
}

static void unreadable_match_line_fits_everything(void **state)
{
    static const char *const texts[] = {
        "match prot 1143\n",
        "match port 1143 host a level none\n",
        "match\n",
        "match host a port\n",
        "match port 1 \"\n",
        "mtach port 1143\n",
        "\"\n",
        "when port 1143\n",
        "match port 1 host a prt 2\n",
    };

    (void)state;
    for (unsigned i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        const struct policy *policy = policy_of(texts[i]);

        if (!fails(policy, out, 2525, NULL) || !fails(policy, lo, 2525, NULL) ||
            fails(policy, out, 443, NULL))
            fail_msg("%s", texts[i]);
        policy_free(policy);
    }
}

/* But a misspelt setting in a readable block must not stop everything. */
static void misspelt_setting_stops_no_more_than_its_block(void **state)
{
    const struct policy *policy = policy_of("match port 1143\n certificate x\n ca-file \"\n");

    (void)state;
    assert_true(fails(policy, out, 1143, NULL));
    assert_false(fails(policy, out, 2525, NULL));
    policy_free(policy);
}

static void unreadable_file_may_have_held_anything(void **state)
{
    static const char *const texts[] = {"include nothing\n", "include *a/b\n", "include\n",    "inclued x\n",
                                        "include \"x\n",     "include a b\n",  "include ~/x\n"};
    const struct policy_source source = {.path = in_folder("missing"), .must_exist = true};
    const struct policy *policy = policy_load(&source, 1);

    (void)state;
    assert_true(fails(policy, out, 2525, NULL) && fails(policy, lo, 25, NULL));
    assert_false(fails(policy, out, 22, NULL) || fails(policy, out, 443, NULL) ||
                 fails(policy, out, 465, NULL));
    policy_free(policy);
    for (unsigned i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        policy = policy_of(texts[i]);
        if (!fails(policy, out, 2525, NULL))
            fail_msg("%s", texts[i]);
        policy_free(policy);
    }
}

static void error_decision_has_settings_that_can_be_used(void **state)
{
    const struct policy *policy =
        policy_of("log syslog\nname a..b\nfingerprint x\ntimeout 0\nca-file /nothing\n");
    const struct policy_query query = {.address = address_of(out, 25)};
    struct policy_explanation why;
    struct settings settings;

    (void)state;
    assert_int_equal(policy_decide(policy, &query, &settings), DECISION_ERROR);
    assert_string_equal(settings.log, "syslog");
    assert_true(settings.names.count == 0 && settings.fingerprints.count == 0 && settings.timeout == 60);
    assert_null(settings.ca_file);
    assert_int_equal(policy_explain(policy, &query, &why), DECISION_ERROR);
    assert_true(why.reason == REASON_ERROR && why.block.file == NULL);
    policy_free(policy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(error_stops_the_usual_ports_and_what_blocks_are_about),
        cmocka_unit_test(error_in_the_defaults_leaves_blocks_in_place),
        cmocka_unit_test(unreadable_criterion_fits_everything),
        cmocka_unit_test(unreadable_match_line_fits_everything),
        cmocka_unit_test(misspelt_setting_stops_no_more_than_its_block),
        cmocka_unit_test(unreadable_file_may_have_held_anything),
        cmocka_unit_test(error_decision_has_settings_that_can_be_used),
    };

    return cmocka_run_group_tests_name("policy: in error", tests, make_folder, remove_folder);
}
