/* What a policy says of a program or a user before there is a connection. */
#include "policy/policy.h"
#include "tests/unit/policy_files.h"

static bool may_concern(const char *text, const char *program)
{
    const struct policy *const policy = good_policy(text);
    const bool may = policy_may_concern(policy, program);

    policy_free(policy);
    return may;
}

/* Of a program that only rules without TLS are about, nothing is ever guarded. */
static void a_policy_may_not_concern_a_program(void **state)
{
    static const char none[] = "level none\n",
                      old[] = "level none\nmatch program old port 143\n  level secure\n",
                      quiet[] = "match program quiet\n  level none\n",
                      here[] = "match program quiet host *.example\n  level none\n",
                      first[] = "match user me\n  level may\nmatch program quiet\n  level none\n";

    (void)state;
    assert_true(may_concern("", "/bin/x"));
    assert_false(may_concern(none, "/bin/x"));
    assert_true(may_concern(none, ""));
    assert_true(may_concern(none, NULL));
    assert_true(may_concern(old, "/bin/old"));
    assert_false(may_concern(old, "/bin/x"));
    assert_false(may_concern(quiet, "/bin/quiet"));
    assert_true(may_concern(quiet, "/bin/x"));
    assert_true(may_concern(here, "/bin/quiet"));
    assert_true(may_concern(first, "/bin/quiet"));
}

static bool asks_for_names(const char *text)
{
    const struct policy *const policy = good_policy(text);
    const bool asks = policy_asks_for_user_names(policy);

    policy_free(policy);
    return asks;
}

static void a_policy_may_ask_for_users_by_name(void **state)
{
    (void)state;
    assert_false(asks_for_names("match host *.example\n  level may\n"));
    assert_false(asks_for_names("match user 1000\n  level may\n"));
    assert_true(asks_for_names("match user 1000 ada\n  level may\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_policy_may_not_concern_a_program),
        cmocka_unit_test(a_policy_may_ask_for_users_by_name),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
