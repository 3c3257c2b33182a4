/* Important decisions, one by one, and where explain says that a setting comes from. */
#include <stdlib.h>
#include <string.h>

#include "policy/policy.h"
#include "tests/unit/policy_decisions.h"

/* For a connection whose name is lost. */
static enum decision lost(const struct policy *policy, unsigned port)
{
    const struct policy_query query = {.address = address_of("192.0.2.1", port), .hosts_lost = true};
    struct settings settings;

    return policy_decide(policy, &query, &settings);
}

static void user_and_program_that_are_not_known_might_be_any(void **state)
{
    const struct policy *policy = policy_of("match user vmail port 2525\n level secure\n"
                                            "match user 1001 port 2526\n level secure\n"
                                            "match user !root 0 port 25\n level none\n"
                                            "match program mailer port 2527\n level secure\n");
    struct policy_query query = {.uid = 1000, .program = "/usr/bin/other", .user_lost = true};
    struct settings settings;

    (void)state;
    query.address = address_of("192.0.2.1", 2525);
    assert_int_equal(policy_decide(policy, &query, &settings), DECISION_ERROR);
    query.address = address_of("192.0.2.1", 2526);
    assert_int_equal(policy_decide(policy, &query, &settings), DECISION_UNTOUCHED); /* the uid is known */
    query.address = address_of("192.0.2.1", 2527);
    assert_int_equal(policy_decide(policy, &query, &settings), DECISION_UNTOUCHED);
    query.program_lost = true;
    query.program = "";
    assert_int_equal(policy_decide(policy, &query, &settings), DECISION_ERROR);
    query.address = address_of("192.0.2.1", 25);
    assert_int_equal(policy_decide(policy, &query, &settings), DECISION_GUARD);
}

static void name_that_is_lost_might_be_any(void **state)
{
    const struct policy *policy =
        policy_of("match host a.example port 2525\n level secure\n"
                  "match host !b.example port 2526\n level none\n"
                  "match port 2526\n level encrypt\n"
                  "match host c.example port 2527\n level may\n"
                  "match port 2527\n level secure\n"
                  "match host d.example port 25\n level fingerprint\n  fingerprint "
                  "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\n"
                  "match host e.example\n level none\n");

    (void)state;
    assert_int_equal(lost(policy, 2525), DECISION_GUARD); /* the strictest of the blocks that may be meant */
    assert_int_equal(lost(policy, 2526), DECISION_GUARD);
    assert_int_equal(lost(policy, 2527), DECISION_GUARD);
    assert_int_equal(lost(policy, 25), DECISION_ERROR); /* the fingerprint is for one name only */
    assert_string_equal(policy_first_error(policy), "");
    assert_int_equal(lost(policy, 587), DECISION_GUARD);
    assert_int_equal(lost(policy, 8080), DECISION_UNTOUCHED);
}

static void usual_ports_are_guarded_but_not_on_loopback(void **state)
{
    static const unsigned usual[] = {25, 587, 24, 143, 110, 119, 4190};
    const struct policy *policy = policy_load(NULL, 0);

    (void)state;
    for (unsigned i = 0; i < sizeof usual / sizeof usual[0]; i++) {
        assert_true(guards(policy, out, usual[i], NULL) &&
                    guards(policy, "2001:db8::1", usual[i], "a.example.org"));
        assert_false(guards(policy, lo, usual[i], "localhost") || guards(policy, "::1", usual[i], NULL));
        assert_true(policy_may_guard(policy, (uint16_t)usual[i]));
    }
    for (unsigned port = 0; port < 65536; port++)
        if (!policy_may_guard(policy, (uint16_t)port))
            assert_false(guards(policy, out, port, "mail.example.org"));
    assert_false(guards(policy, out, 443, NULL) || policy_may_guard(policy, 443) ||
                 policy_may_guard(policy, 2525));
    policy_free(policy);
}

static void block_guards_the_port_it_names_also_on_loopback(void **state)
{
    const struct policy *policy = good_policy("match port 1143 host localhost\n");

    (void)state;
    assert_true(guards(policy, lo, 1143, "localhost") && guards(policy, out, 1143, "localhost"));
    assert_false(guards(policy, lo, 1143, "other") || guards(policy, lo, 143, "localhost"));
    assert_true(policy_may_guard(policy, 1143) && !policy_may_guard(policy, 1144));
    policy_free(policy);
}

/* `match program` is not meant for the program's web traffic, nor for a tunnel on loopback. */
static void block_that_names_no_port_keeps_to_mail(void **state)
{
    const struct policy *policy = good_policy("match program mutt\n level encrypt\n");

    (void)state;
    assert_true(guards(policy, out, 143, NULL));
    assert_false(guards(policy, out, 443, NULL) || guards(policy, lo, 143, NULL));
    policy_free(policy);
    policy = good_policy("match host localhost\n");
    assert_true(guards(policy, lo, 143, "localhost"));
    assert_false(guards(policy, lo, 8080, "localhost"));
    policy_free(policy);
    policy = good_policy("match port !25\n level encrypt\n"); /* names no port either */
    assert_false(guards(policy, out, 443, NULL) || guards(policy, lo, 143, NULL));
    policy_free(policy);
    policy = good_policy("match address !10.0.0.0/8\n level encrypt\n");
    assert_false(guards(policy, lo, 143, NULL));
    policy_free(policy);
}

static void block_of_level_none_exempts_everywhere(void **state)
{
    const struct policy *policy = good_policy("match program mutt\n level none\nmatch port 1143 2000-3000\n");

    (void)state;
    assert_false(guards(policy, out, 1143, NULL) || guards(policy, out, 25, NULL));
    assert_int_equal(decision(policy, out, 1143, NULL, "/usr/bin/fetchmail"), DECISION_GUARD);
    assert_true(policy_may_guard(policy, 2000) && policy_may_guard(policy, 3000) &&
                policy_may_guard(policy, 2525));
    assert_false(policy_may_guard(policy, 1999) || policy_may_guard(policy, 3001));
    policy_free(policy);
}

static void protocol_is_known_by_port_or_greeting(void **state)
{
    const struct policy *policy = good_policy("match protocol imap\n level encrypt\n");
    struct policy_query query = {.address = address_of(out, 143)};
    struct settings settings;

    (void)state;
    assert_int_equal(policy_decide(policy, &query, &settings), DECISION_GUARD);
    assert_int_equal(settings.level, LEVEL_ENCRYPT);
    query.address.port = 2143;
    assert_int_equal(policy_decide(policy, &query, &settings), DECISION_UNTOUCHED);
    assert_string_equal(settings.rule, "built-in defaults");
    query.protocol = PROTOCOL_IMAP;
    assert_int_equal(policy_decide(policy, &query, &settings), DECISION_GUARD);
    assert_int_equal(settings.level, LEVEL_ENCRYPT);
    query.protocol = PROTOCOL_POP3; /* no block has this protocol, and the defaults are for the usual ports */
    assert_int_equal(policy_decide(policy, &query, &settings), DECISION_UNTOUCHED);
    query.protocol = PROTOCOL_SMTP; /* the greeting overrides the port */
    query.address.port = 143;
    assert_int_equal(policy_decide(policy, &query, &settings), DECISION_GUARD);
    assert_int_equal(settings.level, LEVEL_SECURE);
    policy_free(policy);
}

/* connect() asks about ports only: there are guarded ports only if greetings never decide. */
static void ports_tell_all_or_nothing(const struct policy *policy)
{
    const uint8_t *const guarded = policy_guarded_ports(policy);

    assert_int_equal(guarded == NULL, policy_may_guard_by_greeting(policy));
    for (unsigned port = 0; guarded && port < 65536; port++)
        assert_int_equal((guarded[port / 8] >> port % 8) & 1, policy_may_guard(policy, (uint16_t)port));
}

/* It decides what a read on a connection to any other port costs. */
static void greetings_count_where_a_block_that_guards_names_no_port(void **state)
{
    static const struct {
        const char *text;
        bool by_greeting;
    } cases[] = {
        {"", false},
        {"level encrypt\n", false},
        {"match host mail.example.org port 2143\n level secure\n", false},
        {"match host mail.example.org\n level none\n", false},
        {"match host mail.example.org\n level may\n", true},
        {"match protocol imap\n level secure\n", true},
        {"match program mutt port !25\n level secure\n", true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct policy *policy = good_policy(cases[i].text);

        assert_int_equal(policy_may_guard_by_greeting(policy), cases[i].by_greeting);
        ports_tell_all_or_nothing(policy);
        policy_free(policy);
    }
}

/*
 * Several threads looked up the one address: an attacker who makes one of them do so must not weaken the
 * level.
 */
static void strictest_of_several_names_is_in_force(void **state)
{
    const struct policy *policy = good_policy("match host weak.example.org\n level none\n"
                                              "match host test.example.org\n testing yes\n"
                                              "match host some.example.org\n level encrypt\n timeout 9\n"
                                              "match host same.example.org\n level encrypt\n timeout 8\n");
    struct policy_query query = {.address = address_of(out, 25),
                                 .hosts = {.count = 2, .item = {"weak.example.org", "other.example.org"}}};
    struct settings settings;

    (void)state;
    assert_int_equal(policy_decide(policy, &query, &settings), DECISION_GUARD);
    assert_int_equal(settings.level, LEVEL_SECURE);
    query.hosts.item[1] = "some.example.org";
    assert_int_equal(policy_decide(policy, &query, &settings), DECISION_GUARD);
    assert_int_equal(settings.level, LEVEL_ENCRYPT);
    query.hosts.item[0] = "test.example.org"; /* secure, but only as a test: not stricter */
    assert_int_equal(policy_decide(policy, &query, &settings), DECISION_GUARD);
    assert_true(settings.level == LEVEL_ENCRYPT && !settings.testing);
    query.hosts.item[0] = "same.example.org";
    assert_int_equal(policy_decide(policy, &query, &settings), DECISION_GUARD);
    assert_int_equal(settings.timeout, 9); /* of two equals, the first block */
    query.hosts.count = 1;
    query.hosts.item[0] = "weak.example.org";
    assert_int_equal(policy_decide(policy, &query, &settings), DECISION_UNTOUCHED);
    policy_free(policy);
}

static void protocol_that_no_port_names(void **state)
{
    const struct policy *policy =
        good_policy("match port 1143 protocol pop3 imap\n level encrypt\n"
                    "match port 1110 protocol !pop3\n level encrypt\n"
                    "match port 1111 protocol pop3\n level none\n"
                    "match port 1112 protocol pop3\n level may\nmatch port 1112\n level secure\n"
                    "match protocol imap program mutt\n level encrypt\n");

    (void)state;
    assert_int_equal(level_at(policy, NULL, 1143), LEVEL_ENCRYPT);
    assert_int_equal(level_at(policy, NULL, 1110), LEVEL_ENCRYPT);
    decide(policy, NULL, 1111, DECISION_UNTOUCHED);
    assert_int_equal(level_at(policy, NULL, 1112), LEVEL_SECURE); /* what surely matches comes first */
    decide(policy, NULL, 1113, DECISION_UNTOUCHED);               /* names no port: the greeting decides */
    assert_true(policy_may_guard(policy, 1143));
    policy_free(policy);
    policy = policy_of("match port 1143 protocol imap\n level secure\nmatch port 1144\n levle secure\n");
    decide(policy, NULL, 1143, DECISION_ERROR); /* with errors, we cannot say which block it is */
    decide(policy, NULL, 1145, DECISION_UNTOUCHED);
    policy_free(policy);
}

static void what_is_unknown_fits_no_value(void **state)
{
    const struct policy *policy =
        good_policy("match port 1 host *\nmatch port 2 host !a.example.org\n"
                    "match port 3 program *\nmatch port 4 user *\n"
                    "match port 5 address 0.0.0.0/0 ::/0\nmatch port 6 protocol smtp\n"
                    "match port 7 protocol !smtp\nmatch port 8 user 1000\n");
    struct policy_query query = {.address = {.family = 0}, .uid = 1000};
    /* Port 6: only the greeting could say, and an attacker on the path can change it. */
    static const bool right[] = {false, false, true, false, false, false, true, true, true};
    char longer[300];
    struct settings settings;

    (void)state;
    for (uint16_t port = 1; port <= 8; port++) {
        query.address.port = port;
        assert_int_equal(policy_decide(policy, &query, &settings) == DECISION_GUARD, right[port]);
    }
    memset(longer, 'a', sizeof longer);
    longer[sizeof longer - 1] = '\0';
    query.hosts = (struct text_list){.count = 1, .item = {longer}};
    query.address.port = 1;
    assert_int_equal(policy_decide(policy, &query, &settings), DECISION_UNTOUCHED);
    for (unsigned i = 0; i < 4; i++) {
        query.hosts.item[0] = ((const char *[]){"", "192.0.2.1", "127.1", "fe80::1%eth0"})[i];
        assert_int_equal(policy_decide(policy, &query, &settings), DECISION_UNTOUCHED);
    }
    /* If libc looks it up, it is a name: DNS may answer anything for it. */
    for (unsigned i = 0; i < 4; i++) {
        query.hosts.item[0] =
            ((const char *[]){"1.example.org", "300.1.1.1", "1.2.3.4.5", "mail:example"})[i];
        assert_int_equal(policy_decide(policy, &query, &settings), DECISION_GUARD);
    }
    policy_free(policy);
}

static void program_without_folder_is_its_own_base_name(void **state)
{
    const struct policy *policy = good_policy("match program mutt port 1\n");

    (void)state;
    assert_int_equal(decision(policy, out, 1, NULL, "mutt"), DECISION_GUARD);
    policy_free(policy);
}

static void words_of_the_language_may_be_names_too(void **state)
{
    const struct policy *policy =
        good_policy("match host \"port\" !\"level\" port 1 program ports \"prot\"\n");

    (void)state;
    assert_int_equal(decision(policy, out, 1, "port", "/bin/ports"), DECISION_GUARD);
    assert_int_equal(decision(policy, out, 1, "port", "/bin/prot"), DECISION_GUARD);
    assert_int_equal(decision(policy, out, 1, "level", "/bin/ports"), DECISION_UNTOUCHED);
    policy_free(policy);
}

static void every_port_of_a_range_may_be_guarded(void **state)
{
    (void)state;
    for (unsigned low = 65500; low < 65536; low += 5)
        for (unsigned high = low; high < 65536; high++) {
            char text[64];
            const struct policy *policy;

            snprintf(text, sizeof text, "match port %u-%u\n", low, high);
            policy = good_policy(text);
            for (unsigned port = 65490; port < 65536; port++)
                assert_int_equal(policy_may_guard(policy, (uint16_t)port), port >= low && port <= high);
            policy_free(policy);
        }
}

static bool is_from(const struct policy_explanation *why, enum policy_setting setting, const char *file,
                    unsigned line)
{
    const struct policy_origin origin = why->origin[setting];

    if (file == NULL)
        return origin.file == NULL;
    return origin.file != NULL && strcmp(origin.file, in_folder(file)) == 0 && origin.line == line;
}

static void explain_tells_where_each_setting_comes_from(void **state)
{
    const struct policy_source sources[] = {
        {.path =
             put("user",
                 "timeout 5\nmatch host a.example.org\n level encrypt\n name a.example.org b.example.org\n")},
        {.path = put("system", "log stderr\ntimeout 6\n")},
    };
    const struct policy *policy = policy_load(sources, 2);
    struct policy_query query = {.address = address_of(out, 25),
                                 .hosts = {.count = 1, .item = {"a.example.org"}}};
    struct policy_explanation why;

    (void)state;
    assert_int_equal(policy_explain(policy, &query, &why), DECISION_GUARD);
    assert_int_equal(why.reason, REASON_BLOCK);
    assert_string_equal(why.block.file, in_folder("user"));
    assert_int_equal(why.block.line, 2);
    assert_true(is_from(&why, POLICY_LEVEL, "user", 3) && is_from(&why, POLICY_NAME, "user", 4));
    assert_true(is_from(&why, POLICY_TIMEOUT, "user", 1) && is_from(&why, POLICY_LOG, "system", 1));
    assert_true(is_from(&why, POLICY_TLS, NULL, 0) && is_from(&why, POLICY_CA_FILE, NULL, 0));
    assert_int_equal(why.settings.timeout, 5);
    query.hosts.count = 0;
    assert_int_equal(policy_explain(policy, &query, &why), DECISION_GUARD);
    assert_true(why.reason == REASON_DEFAULTS && why.block.file == NULL);
    assert_true(is_from(&why, POLICY_LEVEL, NULL, 0) && is_from(&why, POLICY_TIMEOUT, "user", 1));
    query.address = address_of(lo, 25);
    assert_int_equal(policy_explain(policy, &query, &why), DECISION_UNTOUCHED);
    assert_int_equal(why.reason, REASON_LOOPBACK);
    query.address = address_of(lo, 2525);
    assert_int_equal(policy_explain(policy, &query, &why), DECISION_UNTOUCHED);
    assert_true(why.reason == REASON_PORT && why.settings.level == LEVEL_NONE);
    policy_free(policy);
}

static void settings_have_names(void **state)
{
    (void)state;
    assert_string_equal(policy_setting_name(POLICY_LEVEL), "level");
    assert_string_equal(policy_setting_name(POLICY_FINAL), "final");
    assert_string_equal(policy_setting_name(POLICY_SETTINGS), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(name_that_is_lost_might_be_any),
        cmocka_unit_test(user_and_program_that_are_not_known_might_be_any),
        cmocka_unit_test(usual_ports_are_guarded_but_not_on_loopback),
        cmocka_unit_test(block_guards_the_port_it_names_also_on_loopback),
        cmocka_unit_test(block_that_names_no_port_keeps_to_mail),
        cmocka_unit_test(block_of_level_none_exempts_everywhere),
        cmocka_unit_test(protocol_is_known_by_port_or_greeting),
        cmocka_unit_test(greetings_count_where_a_block_that_guards_names_no_port),
        cmocka_unit_test(strictest_of_several_names_is_in_force),
        cmocka_unit_test(protocol_that_no_port_names),
        cmocka_unit_test(what_is_unknown_fits_no_value),
        cmocka_unit_test(program_without_folder_is_its_own_base_name),
        cmocka_unit_test(words_of_the_language_may_be_names_too),
        cmocka_unit_test(every_port_of_a_range_may_be_guarded),
        cmocka_unit_test(explain_tells_where_each_setting_comes_from),
        cmocka_unit_test(settings_have_names),
    };

    return cmocka_run_group_tests_name("policy: decisions", tests, make_folder, remove_folder);
}
