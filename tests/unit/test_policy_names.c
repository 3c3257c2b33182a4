/* What the policy says about names: several names, lost ones, mail exchangers, and names of this machine. */
#include <errno.h>
#include <string.h>

#include "policy/machine.h"
#include "policy/policy.h"
#include "tests/unit/policy_decisions.h"

static void strictest_of_what_may_be_meant_is_in_force(void **state)
{
    const struct policy *policy = good_policy("match host tunnel.example port 2525\n level none\n"
                                              "match address 192.0.2.9\n level secure\n name mail.example\n"
                                              "match host a.example\n level encrypt\n"
                                              "match port 2525\n level may\n"
                                              "match host b.example port 2525\n level secure\n");
    struct policy_query query = {.address = address_of(out, 2525),
                                 .hosts = {.count = 1, .item = {"tunnel.example"}},
                                 .hosts_lost = true};
    struct settings settings;

    (void)state;
    assert_int_equal(policy_decide(policy, &query, &settings), DECISION_GUARD);
    assert_int_equal(settings.level,
                     LEVEL_MAY); /* a.example's block names no port, b.example's comes too late */
    query.address = address_of("192.0.2.9", 25);
    assert_int_equal(policy_decide(policy, &query, &settings), DECISION_GUARD);
    assert_int_equal(settings.names.count, 1);
    query.hosts_lost = false;
    query.address = address_of(out, 2525);
    assert_int_equal(policy_decide(policy, &query, &settings), DECISION_UNTOUCHED);
    policy_free(policy);
}

static void rule_that_excludes_a_host_does_not_open_what_has_no_name(void **state)
{
    const struct policy *policy = good_policy("match host !bank.example port 143\n level none\n"
                                              "match host !bank.example port 2525\n level may\n"
                                              "match port 2525\n level encrypt\n"
                                              "match host !bank.example port 2526\n level encrypt\n"
                                              "match host *.example !bank.example port 110\n level none\n");
    struct policy_query query = {.address = address_of(out, 2525)};
    struct settings settings;

    (void)state;
    assert_true(guards(policy, out, 143, NULL) && guards(policy, out, 143, "bank.example"));
    assert_false(guards(policy, out, 143, "other.example"));
    assert_false(guards(policy, out, 143, out)); /* looked up as an address: not the bank */
    assert_false(guards(policy, lo, 143, NULL));
    assert_int_equal(policy_decide(policy, &query, &settings), DECISION_GUARD);
    assert_int_equal(settings.level, LEVEL_ENCRYPT);
    query.hosts = (struct text_list){.count = 1, .item = {"other.example"}};
    assert_int_equal(policy_decide(policy, &query, &settings), DECISION_GUARD);
    assert_int_equal(settings.level, LEVEL_MAY);
    assert_true(guards(policy, out, 2526, NULL)); /* of the two, the stricter stays */
    assert_true(guards(policy, out, 110, NULL));
    policy_free(policy);
}

/* The host that the fingerprint or name is for could answer for the other. */
static void names_of_which_the_policy_demands_different_things_do_not_go_together(void **state)
{
    static const char *const blocks[] = {
        ("match host evil.example\n level fingerprint\n"
         " fingerprint sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\n"),
        "match host evil.example\n name evil.example\n",
        "match host evil.example\n connect-to evil.example:25\n",
    };
    struct policy_query query = {.hosts = {.count = 2, .item = {"evil.example", "bank.example"}}};
    struct settings settings;

    (void)state;
    query.address = address_of(out, 25);
    for (size_t i = 0; i < sizeof blocks / sizeof blocks[0]; i++) {
        const struct policy *policy = good_policy(blocks[i]);

        query.hosts.count = 2;
        assert_int_equal(policy_decide(policy, &query, &settings), DECISION_ERROR);
        assert_string_equal(policy_first_error(policy), "");
        query.hosts.count = 1;
        assert_int_equal(policy_decide(policy, &query, &settings), DECISION_GUARD);
        query.hosts_lost = true;
        assert_int_equal(policy_decide(policy, &query, &settings), DECISION_ERROR);
        query.hosts_lost = false;
        policy_free(policy);
    }
    const struct policy *policy = good_policy("match host evil.example\n timeout 9\n");
    query.hosts.count = 2;
    assert_int_equal(policy_decide(policy, &query, &settings),
                     DECISION_GUARD); /* the same demands on the certificate */
    policy_free(policy);
}

/* Nobody knows which of two equally strict blocks is meant, so neither's certificate may do. */
static void what_is_unknown_must_not_decide_which_certificate_is_good(void **state)
{
    const struct policy *policy = good_policy("match host !bank.example\n name other.example\n"
                                              "match port 25\n name bank.example\n");
    struct policy_query query = {.address = address_of(out, 25)};
    struct settings settings;

    (void)state;
    assert_int_equal(policy_decide(policy, &query, &settings), DECISION_ERROR);
    query.hosts = (struct text_list){.count = 1, .item = {"bank.example"}};
    assert_int_equal(policy_decide(policy, &query, &settings), DECISION_GUARD);
    policy_free(policy);

    policy = good_policy("match user evil\n name evil.example\nmatch program evil\n name evil.example\n"
                         "match port 25\n name bank.example\n");
    assert_int_equal(policy_decide(policy, &query, &settings), DECISION_GUARD);
    query.program_lost = true;
    assert_int_equal(policy_decide(policy, &query, &settings), DECISION_ERROR);
    query.program_lost = false;
    query.user_lost = true;
    assert_int_equal(policy_decide(policy, &query, &settings), DECISION_ERROR);
    policy_free(policy);

    policy = good_policy("match port 25\n name bank.example\n");
    assert_int_equal(policy_decide(policy, &query, &settings), DECISION_GUARD);
    policy_free(policy);
}

static void mail_exchanger_counts_by_itself_where_a_block_names_it(void **state)
{
    const struct policy *policy = good_policy("match host mx?.partner.example\n level secure\n"
                                              "match host other.example\n level secure\n"
                                              "match host *\n level encrypt\n");
    struct policy_query query = {.hosts = {.count = 2, .item = {"mx1.partner.example", "partner.example"}},
                                 .hosts_exchanger = {0, 1}};

    (void)state;
    query.address = address_of(out, 25);
    assert_true(policy_vouches(policy, &query, 1));
    assert_false(policy_vouches(policy, &query, 0)); /* it was looked up itself */
    query.hosts.item[1] = "other.example";           /* which has its own block */
    assert_false(policy_vouches(policy, &query, 1));
    query.hosts.item[0] = "mx.attacker.example"; /* a catch-all pattern does not vouch for it */
    query.hosts.item[1] = "partner.example";
    assert_false(policy_vouches(policy, &query, 1));
    policy_free(policy);
}

/* DNS may give any host a loopback address where another user of this machine listens. */
static void loopback_is_left_alone_only_if_it_was_meant(void **state)
{
    static const char *const here[] = {"localhost", "LOCALHOST.", "a.localhost", "ip6-localhost",
                                       "127.0.0.1"};
    static const char *const there[] = {"bank.example", "localhost.bank.example", "notlocalhost", "mail"};
    const struct policy *policy = policy_load(NULL, 0);
    struct policy_query query = {.hosts = {.count = 1}};
    struct settings settings;

    (void)state;
    query.address = address_of(lo, 143);
    for (size_t i = 0; i < sizeof here / sizeof here[0]; i++) {
        query.hosts.item[0] = here[i];
        assert_int_equal(policy_decide(policy, &query, &settings), DECISION_UNTOUCHED);
    }
    for (size_t i = 0; i < sizeof there / sizeof there[0]; i++) {
        query.hosts.item[0] = there[i];
        assert_int_equal(policy_decide(policy, &query, &settings), DECISION_GUARD);
        assert_int_equal(settings.level, LEVEL_SECURE);
    }
    query.hosts_here = 1; /* "mail" is this machine */
    assert_int_equal(policy_decide(policy, &query, &settings), DECISION_UNTOUCHED);
    query.hosts.count = 2;
    query.hosts.item[1] = "bank.example";
    assert_int_equal(policy_decide(policy, &query, &settings), DECISION_GUARD);
    query.hosts.count = 0;
    assert_int_equal(policy_decide(policy, &query, &settings), DECISION_UNTOUCHED);
    query.hosts_lost = true;
    assert_int_equal(policy_decide(policy, &query, &settings), DECISION_GUARD);
    policy_free(policy);
}

/* A program with its own resolver may have the address from there, and write it down as a literal. */
static void address_may_come_from_the_programs_own_resolver(void **state)
{
    const struct policy *policy = policy_load(NULL, 0);
    struct policy_query query = {.resolves_itself = true};
    struct settings settings;

    (void)state;
    query.address = address_of(lo, 143);
    assert_int_equal(policy_decide(policy, &query, &settings), DECISION_GUARD);
    query.hosts.count = 1;
    query.hosts.item[0] = "127.0.0.1";
    assert_int_equal(policy_decide(policy, &query, &settings), DECISION_GUARD);
    query.hosts.item[0] = "localhost"; /* which libc was asked for */
    assert_int_equal(policy_decide(policy, &query, &settings), DECISION_UNTOUCHED);
    policy_free(policy);
}

static struct machine machine_of(const char *node, const char *hosts, const char *hostname)
{
    return (struct machine){.node = node,
                            .hosts = hosts,
                            .hosts_length = hosts ? strlen(hosts) : 0,
                            .hostname = hostname,
                            .hostname_length = hostname ? strlen(hostname) : 0};
}

static void names_of_this_machine_are_those_that_files_give_it(void **state)
{
    static const char hosts[] = "127.0.0.1\tlocalhost imap.bank.example # box.comment.example\n"
                                "#127.0.1.1 box.old.example box\n"
                                "127.0.1.1 Box.example.org box\r\n"
                                "192.0.2.7 box.public.example\n"
                                "::1 box.six.example";
    static const char *const own[] = {"box", "BOX.", "box.example.org", "box.six.example"};
    static const char *const others[] = {"imap.bank.example",           "box.bank.example", "boxer",
                                         "box.public.example",          "box.old.example",  "bo",
                                         "box.comment.example",         "example.org",      "",
                                         "box.example.org.bank.example"};
    const struct machine machine = machine_of("box", hosts, NULL);

    (void)state;
    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++)
        assert_true(machine_has(&machine, own[i]));
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        assert_false(machine_has(&machine, others[i]));
}

/* A DHCP server may choose this machine's name. That does not make the bank's server this machine. */
static void name_that_the_kernel_alone_has_is_not_this_machines(void **state)
{
    struct machine machine = machine_of("imap.bank.example", "127.0.0.1 localhost\n", NULL);

    (void)state;
    assert_false(machine_has(&machine, "imap.bank.example") || machine_has(&machine, "imap"));
    machine = machine_of("imap.bank.example", "127.0.0.1 localhost\n", "box\n");
    assert_false(machine_has(&machine, "imap.bank.example"));
    machine = machine_of("box", NULL, "# by the installer\n\nbox\n");
    assert_true(machine_has(&machine, "Box"));
    assert_false(machine_has(&machine, "box.bank.example"));
    machine = machine_of("", "127.0.0.1 x\n", "\n");
    assert_false(machine_has(&machine, "") || machine_has(&machine, "x"));
}

static void names_of_one_line_of_hosts_are_one_host(void **state)
{
    static const char hosts[] = "127.0.0.1 localhost\n"
                                "127.0.1.1\tbox.example.org box # other.example\n"
                                "#10.0.0.1 box bank.example\n"
                                "10.0.0.2 mail.example.org mail";

    (void)state;
    assert_true(hosts_equate(hosts, strlen(hosts), "box", "Box.Example.ORG."));
    assert_true(hosts_equate(hosts, strlen(hosts), "127.0.1.1", "box.example.org"));
    assert_true(hosts_equate(hosts, strlen(hosts), "mail", "mail.example.org"));
    assert_false(hosts_equate(hosts, strlen(hosts), "box", "localhost"));
    assert_false(hosts_equate(hosts, strlen(hosts), "box", "other.example"));
    assert_false(hosts_equate(hosts, strlen(hosts), "box", "bank.example"));
    assert_false(hosts_equate(hosts, strlen(hosts), "box", "box.example"));
    assert_false(hosts_equate(hosts, strlen(hosts), "", "") || hosts_equate(NULL, 0, "box", "box"));
}

static void errno_is_kept(void **state)
{
    (void)state;
    errno = EDOM;
    machine_has_name("mail.example.org");
    machine_equates("mail.example.org", "mail");
    assert_int_equal(errno, EDOM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strictest_of_what_may_be_meant_is_in_force),
        cmocka_unit_test(rule_that_excludes_a_host_does_not_open_what_has_no_name),
        cmocka_unit_test(names_of_which_the_policy_demands_different_things_do_not_go_together),
        cmocka_unit_test(what_is_unknown_must_not_decide_which_certificate_is_good),
        cmocka_unit_test(mail_exchanger_counts_by_itself_where_a_block_names_it),
        cmocka_unit_test(loopback_is_left_alone_only_if_it_was_meant),
        cmocka_unit_test(address_may_come_from_the_programs_own_resolver),
        cmocka_unit_test(names_of_this_machine_are_those_that_files_give_it),
        cmocka_unit_test(name_that_the_kernel_alone_has_is_not_this_machines),
        cmocka_unit_test(names_of_one_line_of_hosts_are_one_host),
        cmocka_unit_test(errno_is_kept),
    };

    return cmocka_run_group_tests_name("policy: names", tests, make_folder, remove_folder);
}
