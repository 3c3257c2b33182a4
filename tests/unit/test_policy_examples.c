/* The shipped policies load without error and decide as their comments say. */
#include <stdlib.h>
#include <string.h>

#include "policy/policy.h"
#include "tests/unit/policy_files.h"

/* Installed policies have these modes; a working copy may differ. */
static const struct policy *shipped(const char *name)
{
    char path[PATH_MAX], text[1 << 15];
    struct policy_source source = {.must_exist = true};
    const struct policy *policy;
    FILE *file;
    size_t length;

    snprintf(path, sizeof path, "policy/%s", name);
    file = fopen(path, "r");
    assert_non_null(file);
    length = fread(text, 1, sizeof text, file);
    fclose(file);
    assert_in_range(length, 100, sizeof text - 1);
    source.path = put_bytes("policy", text, length);
    policy = policy_load(&source, 1);
    assert_string_equal(policy_errors(policy), "");
    return policy;
}

struct asked {
    const char *host, *address;
    unsigned port;
    const char *program, *user;
};

static struct settings of(const struct policy *policy, struct asked asked, enum decision expected)
{
    const struct policy_query query = {
        .address = address_of(asked.address == NULL ? "198.51.100.7" : asked.address, asked.port),
        .hosts = {.count = asked.host == NULL ? 0 : 1, .item = {asked.host}},
        .program = asked.program == NULL ? "/usr/bin/mutt" : asked.program,
        .user = asked.user == NULL ? "alice" : asked.user,
        .uid = 1000,
    };
    struct settings settings;

    assert_int_equal(policy_decide(policy, &query, &settings), expected);
    return settings;
}

/* True if the setting is `secure`, with everything else built in. */
static bool is_usual(struct settings s)
{
    return s.level == LEVEL_SECURE && !s.testing && s.tls == TLS_AUTO && s.connect_port == 0 &&
           s.connect_host == NULL && s.fingerprints.count == 0 && s.names.count == 0 && s.ca_file == NULL &&
           s.ca_dir == NULL && s.protocol == PROTOCOL_AUTO && s.timeout == 60 && s.greeting_timeout == 300 &&
           s.log == NULL && s.tls_min == 0 && s.tls_max == 0;
}

static void default_says_what_is_in_force_without_it(void **state)
{
    static const char *const addresses[] = {"198.51.100.7", "127.0.0.1", "2001:db8::1", "::1"};
    const struct policy *policy = shipped("default"), *none = policy_load(NULL, 0);

    (void)state;
    for (unsigned i = 0; i < 4; i++)
        for (unsigned port = 1; port < 65536; port++) {
            const struct policy_query query = {.address = address_of(addresses[i], port)};
            struct settings with, without;
            const enum decision decision = policy_decide(none, &query, &without);

            assert_int_equal(policy_decide(policy, &query, &with), decision);
            assert_int_equal(with.level, without.level);
            assert_true(decision == DECISION_UNTOUCHED || is_usual(with));
        }
    policy_free(policy);
    policy_free(none);
}

/* What is commented out in it must also be right when it is uncommented. */
static void default_is_right_with_every_comment_taken_away(void **state)
{
    char line[512], text[1 << 15] = "";
    FILE *file = fopen("policy/default", "r");
    const struct policy *policy;

    (void)state;
    assert_non_null(file);
    put("ca.pem", "-----BEGIN CERTIFICATE-----\n");
    assert_int_equal(mkdir(in_folder("policy.d"), 0755), 0);
    while (fgets(line, sizeof line, file) != NULL) {
        char *path = strstr(line, "/etc/retrotls/");

        if (line[0] == '#' && (strncmp(line, "#    ", 5) == 0 || (line[1] != ' ' && line[1] != '\n'))) {
            strcat(text, line + 1);
            if (path != NULL)
                sprintf(text + strlen(text) - strlen(path), "%s/%s", folder, path + strlen("/etc/retrotls/"));
        }
    }
    fclose(file);
    assert_non_null(strstr(text, "match host mail.example.org"));
    policy = good_policy(text);
    assert_int_equal(of(policy, (struct asked){.host = "mail.example.org", .port = 25}, DECISION_GUARD).level,
                     LEVEL_FINGERPRINT);
    assert_int_equal(
        of(policy, (struct asked){.host = "imap.example.com", .port = 143}, DECISION_GUARD).connect_port,
        993);
    of(policy, (struct asked){.address = "10.1.0.1", .port = 25}, DECISION_UNTOUCHED);
    policy_free(policy);
}

static void implicit_tls_goes_to_the_other_port(void **state)
{
    static const struct {
        const char *host;
        unsigned from, to;
    } ways[] = {{"imap.example.com", 143, 993},
                {"pop.example.com", 110, 995},
                {"smtp.example.com", 587, 465},
                {"smtp.example.com", 25, 465}};
    const struct policy *policy = shipped("examples/implicit-tls");

    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        const struct settings s =
            of(policy, (struct asked){.host = ways[i].host, .port = ways[i].from}, DECISION_GUARD);

        assert_true(s.tls == TLS_IMPLICIT && s.connect_port == ways[i].to && s.connect_host == NULL &&
                    s.level == LEVEL_SECURE);
    }
    assert_true(
        is_usual(of(policy, (struct asked){.host = "imap.example.org", .port = 143}, DECISION_GUARD)));
    of(policy, (struct asked){.host = "imap.example.com", .port = 993}, DECISION_UNTOUCHED);
    policy_free(policy);
}

static void home_server_is_known_by_its_pins(void **state)
{
    const struct policy *policy = shipped("examples/home-server");
    struct settings s = of(policy, (struct asked){.host = "mail.home.arpa", .port = 143}, DECISION_GUARD);

    (void)state;
    assert_true(s.level == LEVEL_FINGERPRINT && s.fingerprints.count == 2);
    assert_true(strncmp(s.fingerprints.item[0], "sha256:9f86d081", 15) == 0);
    assert_true(strncmp(s.fingerprints.item[1], "spki-sha256:", 12) == 0);
    s = of(policy, (struct asked){.address = "192.0.2.10", .port = 25}, DECISION_GUARD);
    assert_true(s.level == LEVEL_FINGERPRINT && s.fingerprints.count == 2);
    s = of(policy, (struct asked){.address = "2001:db8::10", .port = 25}, DECISION_GUARD);
    assert_int_equal(s.level, LEVEL_FINGERPRINT);
    s = of(policy, (struct asked){.host = "mail.example.org", .port = 25}, DECISION_GUARD);
    assert_int_equal(s.level, LEVEL_SECURE);
    policy_free(policy);
}

static void queue_holds_partners_to_tls_and_lets_others_be(void **state)
{
    static const char exim[] = "/usr/sbin/exim4";
    const struct policy *policy = shipped("examples/mx-delivery");
    struct settings s = of(policy, (struct asked){.host = "mx1.partner.example", .port = 25, .program = exim},
                           DECISION_GUARD);

    (void)state;
    assert_true(s.level == LEVEL_SECURE && s.tls_min == SETTINGS_TLS_1_2);
    s = of(policy, (struct asked){.host = "mx.example.org", .port = 25, .program = exim}, DECISION_GUARD);
    assert_int_equal(s.level, LEVEL_MAY);
    of(policy, (struct asked){.address = "127.0.0.1", .port = 25, .program = exim}, DECISION_UNTOUCHED);
    assert_true(is_usual(of(policy, (struct asked){.host = "mx.example.org", .port = 25}, DECISION_GUARD)));
    policy_free(policy);
}

static void rollout_tests_all_but_what_is_known(void **state)
{
    const struct policy *policy = shipped("examples/test-rollout");
    struct settings s = of(policy, (struct asked){.host = "mail.example.com", .port = 25}, DECISION_GUARD);

    (void)state;
    assert_true(s.level == LEVEL_SECURE && s.testing && strcmp(s.log, "syslog") == 0);
    s = of(policy, (struct asked){.host = "mail.example.org", .port = 25}, DECISION_GUARD);
    assert_true(s.level == LEVEL_SECURE && !s.testing);
    policy_free(policy);
}

static void exempt_program_is_left_alone(void **state)
{
    static const char biff[] = "/opt/legacy/bin/biff";
    const struct policy *policy = shipped("examples/exempt-program");

    (void)state;
    of(policy, (struct asked){.port = 143, .program = biff}, DECISION_UNTOUCHED);
    of(policy, (struct asked){.port = 2525, .program = biff}, DECISION_UNTOUCHED);
    assert_true(is_usual(of(policy, (struct asked){.port = 143, .program = "/tmp/biff"}, DECISION_GUARD)));
    of(policy, (struct asked){.port = 110, .program = "/usr/bin/mpop", .user = "backup"}, DECISION_UNTOUCHED);
    assert_true(
        is_usual(of(policy, (struct asked){.port = 110, .program = "/usr/bin/mpop"}, DECISION_GUARD)));
    policy_free(policy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(default_says_what_is_in_force_without_it),
        cmocka_unit_test(default_is_right_with_every_comment_taken_away),
        cmocka_unit_test(implicit_tls_goes_to_the_other_port),
        cmocka_unit_test(home_server_is_known_by_its_pins),
        cmocka_unit_test(queue_holds_partners_to_tls_and_lets_others_be),
        cmocka_unit_test(rollout_tests_all_but_what_is_known),
        cmocka_unit_test(exempt_program_is_left_alone),
    };

    return cmocka_run_group_tests_name("policy: what is shipped", tests, make_folder, remove_folder);
}
