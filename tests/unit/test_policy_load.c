/*
 * From files to a policy: which files count, in which order, which are trusted, and what a file may contain.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "policy/policy.h"
#include "policy/text.h"
#include "tests/unit/policy_files.h"

static const struct policy *two_policies(const char *of_user, const char *of_system)
{
    const struct policy_source sources[] = {
        {.path = of_user == NULL ? NULL : put("user", of_user)},
        {.path = of_system == NULL ? NULL : put("system", of_system)},
    };
    const struct policy *policy = policy_load(sources, 2);

    assert_string_equal(policy_errors(policy), "");
    return policy;
}

static void no_file_means_the_built_in_defaults(void **state)
{
    const struct policy_source sources[] = {{.path = in_folder("nothing")}, {.path = NULL}};
    const struct policy *policy = policy_load(sources, 2);
    const struct settings settings = decide(policy, "mail.example.org", 143, DECISION_GUARD);

    (void)state;
    assert_string_equal(policy_errors(policy), "");
    assert_string_equal(settings.rule, "built-in defaults");
    assert_true(settings.level == LEVEL_SECURE && settings.protocol == PROTOCOL_AUTO &&
                settings.tls == TLS_AUTO);
    assert_true(settings.timeout == 60 && settings.greeting_timeout == 300 && !settings.testing);
    assert_false(settings.sandbox_optional || settings.refuse_unreached);
    assert_int_equal(settings.reach, REACH_AUTO);
    assert_true(settings.ca_file == NULL && settings.names.count == 0 && settings.connect_port == 0);
    policy_free(policy);
    policy = policy_load(NULL, 0);
    assert_int_equal(level_at(policy, NULL, 25), LEVEL_SECURE);
    policy_free(policy);
    policy_free(NULL);
}

static void loading_keeps_errno(void **state)
{
    const struct policy_source source = {.path = in_folder("nothing"), .must_exist = true};

    (void)state;
    errno = EXDEV;
    policy_free(policy_load(&source, 1));
    assert_int_equal(errno, EXDEV);
}

static void users_blocks_come_first_but_before_final_ones(void **state)
{
    const struct policy *policy = two_policies("match host .example.org\n level may\n"
                                               "match host user.example.com\n level encrypt\n final\n",
                                               "match host mail.example.org\n final yes\n level secure\n"
                                               "match host www.example.org\n final no\n level secure\n"
                                               "match host user.example.com\n final\n level secure\n");

    (void)state;
    assert_int_equal(level_at(policy, "mail.example.org", 25), LEVEL_SECURE);
    assert_int_equal(level_at(policy, "www.example.org", 25), LEVEL_MAY);
    assert_int_equal(level_at(policy, "user.example.com", 25),
                     LEVEL_SECURE); /* the user's `final` does not protect it */
    policy_free(policy);
}

static void final_defaults_make_every_block_final(void **state)
{
    const struct policy *policy = two_policies("level may\nmatch host *\n level may\n",
                                               "final\nlevel encrypt\nmatch host a.example.org\n"
                                               "match host b.example.org\n final no\n");

    (void)state;
    assert_int_equal(level_at(policy, "a.example.org", 25), LEVEL_ENCRYPT);
    assert_int_equal(level_at(policy, "b.example.org", 25), LEVEL_MAY);
    policy_free(policy);
    policy = two_policies("level may\n", "final\nlevel encrypt\n");
    assert_int_equal(level_at(policy, NULL, 25), LEVEL_ENCRYPT); /* and the defaults come first */
    policy_free(policy);
    policy = two_policies("final\n", "match host a.example.org\n level may\nmatch host *\n level encrypt\n");
    assert_int_equal(level_at(policy, "a.example.org", 25), LEVEL_MAY); /* not across files */
    policy_free(policy);
}

static void what_a_block_leaves_out_comes_from_its_own_file_first(void **state)
{
    const struct policy *policy = two_policies("timeout 10\nmatch host a.example.org\nlevel may\n",
                                               "timeout 20\ngreeting-timeout 2m\nlevel encrypt\n"
                                               "match host b.example.org\n");
    struct settings settings = decide(policy, "a.example.org", 25, DECISION_GUARD);

    (void)state;
    assert_true(settings.level == LEVEL_MAY && settings.timeout == 10 && settings.greeting_timeout == 120);
    assert_true(is_rule(settings, "user", 2));
    settings = decide(policy, "b.example.org", 25, DECISION_GUARD);
    assert_true(settings.level == LEVEL_ENCRYPT && settings.timeout == 20);
    settings = decide(policy, "c.example.org", 25, DECISION_GUARD);
    assert_true(settings.level == LEVEL_ENCRYPT && settings.timeout == 10);
    assert_true(is_rule(settings, "system", 3));
    policy_free(policy);
}

/* Otherwise a user's default `testing yes` would cancel what the administrator requires. */
static void final_block_inherits_nothing_from_the_user(void **state)
{
    const struct policy *policy =
        two_policies("testing yes\ntimeout 10\n", "greeting-timeout 1m\nmatch host a.example.org\n final\n"
                                                  "match host b.example.org\n");
    struct settings settings = decide(policy, "a.example.org", 25, DECISION_GUARD);

    (void)state;
    assert_true(!settings.testing && settings.timeout == 60 && settings.greeting_timeout == 60);
    settings = decide(policy, "b.example.org", 25, DECISION_GUARD);
    assert_true(settings.testing && settings.timeout == 10);
    policy_free(policy);
}

static void trust_anchors_and_key_pairs_are_inherited_as_one(void **state)
{
    const struct policy *policy;
    struct settings settings;

    (void)state;
    put("a.pem", "-----BEGIN CERTIFICATE-----\n-----BEGIN PRIVATE KEY-----\n");
    put("b.pem", "-----BEGIN CERTIFICATE-----\n-----BEGIN PRIVATE KEY-----\n");
    assert_int_equal(chmod(in_folder("a.pem"), 0600) + chmod(in_folder("b.pem"), 0640), 0);
    policy = good_policy("ca-dir .\nclient-cert a.pem\nclient-key a.pem\n"
                         "match host a.example.org\n ca-file a.pem\n client-cert b.pem\n"
                         "match host b.example.org\n");
    settings = decide(policy, "a.example.org", 25, DECISION_GUARD);
    assert_string_equal(settings.ca_file, in_folder("a.pem"));
    assert_null(settings.ca_dir); /* else the system's CAs would be trusted as well */
    assert_string_equal(settings.client_cert, in_folder("b.pem"));
    assert_null(settings.client_key);
    settings = decide(policy, "b.example.org", 25, DECISION_GUARD);
    assert_true(settings.ca_dir != NULL && settings.ca_file == NULL && settings.client_key != NULL);
    policy_free(policy);
}

/* `system` and `bundled` are not files, unless written as a path. */
static void words_in_place_of_a_ca_file(void **state)
{
    const struct policy *policy;
    struct settings settings;

    (void)state;
    put("a.pem", "-----BEGIN CERTIFICATE-----\n");
    put("system", "-----BEGIN CERTIFICATE-----\n");
    policy = good_policy("ca-file a.pem\nca-dir .\n"
                         "match host a.example.org\n ca-file system\n"
                         "match host b.example.org\n ca-file bundled\n"
                         "match host c.example.org\n ca-file ./system\n"
                         "match host d.example.org\n ca-file bundled\n ca-dir .\n"
                         "match host e.example.org\n");
    settings = decide(policy, "a.example.org", 25, DECISION_GUARD);
    assert_true(settings.ca_file == NULL && settings.ca_dir == NULL && !settings_trust_bundled(&settings));
    settings = decide(policy, "b.example.org", 25, DECISION_GUARD);
    assert_true(settings.ca_dir == NULL && settings_trust_bundled(&settings));
    settings = decide(policy, "c.example.org", 25, DECISION_GUARD);
    assert_string_equal(settings.ca_file, in_folder("./system"));
    assert_false(settings_trust_bundled(&settings));
    settings = decide(policy, "d.example.org", 25, DECISION_GUARD);
    assert_true(settings.ca_dir != NULL && settings_trust_bundled(&settings));
    settings = decide(policy, "e.example.org", 25, DECISION_GUARD);
    assert_string_equal(settings.ca_file, in_folder("a.pem"));
    policy_free(policy);
}

static void every_setting_arrives(void **state)
{
    const struct policy *policy;
    struct settings s;
    char pin[96] = "sha256:";

    (void)state;
    put("ca.pem", "text before\n-----BEGIN TRUSTED CERTIFICATE-----\n");
    put("crl.pem", "-----BEGIN X509 CRL-----\n");
    memset(pin + 7, 'a', 64);
    policy = good_policy(
        "match port 1143 # by its number\r\n"
        "  level fingerprint\r\n  protocol imap\r\n  tls implicit\r\n"
        "  connect-to Mail.Example.org:imaps\r\n  name A.example.org b.example.org. 192.0.2.7\r\n"
        "  servername SNI.example.org\r\n  ca-file ca.pem\r\n  crl-file crl.pem\r\n"
        "  certificate-checks strict\r\n"
        "  fingerprint sha256:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:"
        "AA:AA:AA:AA:AA:AA:AA:AA\r\n"
        "  fingerprint spki-sha256:0000000000000000000000000000000000000000000000000000000000000000\r\n"
        "  tls-min 1.2\r\n  tls-max 1.3\r\n  ciphers \"HIGH:!aNULL @SECLEVEL=2\"\r\n"
        "  ciphersuites TLS_AES_256_GCM_SHA384\r\n  groups X25519:P-256\r\n"
        "  timeout 2m\r\n  greeting-timeout 30s\r\n  testing yes\r\n  sandbox optional\r\n  unreached "
        "refuse\r\n  log "
        "/tmp/retrotls.log");
    s = decide(policy, NULL, 1143, DECISION_GUARD);
    assert_true(s.level == LEVEL_FINGERPRINT && s.protocol == PROTOCOL_IMAP && s.tls == TLS_IMPLICIT &&
                s.testing);
    assert_true(s.connect_port == 993 && s.timeout == 120 && s.greeting_timeout == 30);
    assert_true(s.strict_certificates && s.sandbox_optional && s.refuse_unreached);
    assert_true(s.tls_min == SETTINGS_TLS_1_2 && s.tls_max == SETTINGS_TLS_1_3);
    assert_string_equal(s.connect_host, "mail.example.org");
    assert_string_equal(s.servername, "sni.example.org");
    assert_string_equal(s.ca_file, in_folder("ca.pem"));
    assert_string_equal(s.crl_file, in_folder("crl.pem"));
    assert_string_equal(s.ciphers, "HIGH:!aNULL @SECLEVEL=2");
    assert_string_equal(s.ciphersuites, "TLS_AES_256_GCM_SHA384");
    assert_string_equal(s.groups, "X25519:P-256");
    assert_string_equal(s.log, "/tmp/retrotls.log");
    assert_int_equal(s.names.count, 3);
    assert_string_equal(s.names.item[0], "a.example.org");
    assert_string_equal(s.names.item[1], "b.example.org");
    assert_string_equal(s.names.item[2], "192.0.2.7");
    assert_int_equal(s.fingerprints.count, 2);
    assert_string_equal(s.fingerprints.item[0], pin);
    assert_true(is_rule(s, "policy", 1));
    policy_free(policy);
}

static enum reach reach_of(const char *text, const char *program, const char *user)
{
    const struct policy *const policy = good_policy(text);
    const struct policy_query query = {.program = program, .user = user, .uid = 1000};
    const enum reach reach = policy_reach(policy, &query);

    policy_free(policy);
    return reach;
}

/* `reach` is decided before there is a connection, from the program and its user alone. */
static void reach_is_of_a_program_and_its_user(void **state)
{
    static const char text[] = "reach supervise\n"
                               "match host mail.example.org\n  level may\n"
                               "match program /opt/bin/old\n  reach both\n"
                               "match user guest program old\n  reach preload\n";

    (void)state;
    assert_int_equal(reach_of("", "/bin/x", "me"), REACH_AUTO);
    assert_int_equal(reach_of(text, "/bin/x", "me"), REACH_SUPERVISE);
    assert_int_equal(reach_of(text, "/opt/bin/old", "me"), REACH_BOTH);
    assert_int_equal(reach_of(text, "/bin/old", "guest"), REACH_PRELOAD);
    assert_int_equal(reach_of(text, NULL, NULL), REACH_SUPERVISE);
    /* Another block decides for one port: the stricter word counts. */
    assert_int_equal(reach_of("match port 25\n  level may\nmatch program x\n  reach preload\n", "/x", "me"),
                     REACH_AUTO);
    assert_int_equal(reach_of("level none\nreach both\n", "/x", "me"), REACH_BOTH);
    assert_int_equal(reach_of("match program x\n  level none\n  reach both\n", "/x", "me"), REACH_AUTO);
}

static void connect_to_takes_every_form(void **state)
{
    static const struct {
        const char *word, *host;
        uint32_t port;
    } forms[] = {
        {"993", NULL, 993},
        {"imaps", NULL, 993},
        {"mail.example.org:993", "mail.example.org", 993},
        {"192.0.2.1:993", "192.0.2.1", 993},
        {"[2001:db8::1]:imaps", "2001:db8::1", 993},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        char text[128];
        const struct policy *policy;
        struct settings settings;

        snprintf(text, sizeof text, "connect-to %s\n", forms[i].word);
        policy = good_policy(text);
        settings = decide(policy, NULL, 143, DECISION_GUARD);
        assert_int_equal(settings.connect_port, forms[i].port);
        if (forms[i].host == NULL)
            assert_null(settings.connect_host);
        else
            assert_string_equal(settings.connect_host, forms[i].host);
        policy_free(policy);
    }
}

static void without_memory_all_that_might_be_guarded_fails(void **state)
{
    enum { NO_LIMIT = 77 };
    int status;
    const pid_t child = fork();

    (void)state;
    if (child == 0) {
        const struct policy *policy;

        /* A limit that leaves no room for another mapping. Existing ones stay. */
        if (setrlimit(RLIMIT_AS, &(struct rlimit){4096, 4096}) != 0)
            _exit(2);
        if (mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED)
            _exit(NO_LIMIT);
        policy = policy_load(NULL, 0);
        if (strcmp(policy_first_error(policy), "no memory for the policy") != 0)
            _exit(3);
        if (!policy_may_guard(policy, 2525) || policy_guarded_ports(policy))
            _exit(4);
        decide(policy, NULL, 2525, DECISION_ERROR);
        decide(policy, NULL, 25, DECISION_ERROR);
        decide(policy, NULL, 443, DECISION_UNTOUCHED);
        policy_free(policy);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    if (WIFEXITED(status) && WEXITSTATUS(status) == NO_LIMIT) { /* qemu-user manages its own memory */
        print_message("RLIMIT_AS limits nothing here\n");
        skip();
    }
    assert_int_equal(status, 0);
}

static void certificate_is_found_behind_any_text(void **state)
{
    char text[5000];

    (void)state;
    memset(text, 'x', sizeof text);
    for (size_t at = 2000; at < 2100; at++) {
        snprintf(text + at, sizeof text - at, "-----BEGIN CERTIFICATE-----%s", "");
        put("late.pem", text);
        policy_free(good_policy("ca-file late.pem\n"));
        memset(text, 'x', sizeof text);
    }
}

static char *filled(char letter, size_t length)
{
    static char texts[8][POLICY_PATH_LIMIT];
    static unsigned turn;
    char *text = texts[turn++ % 8];

    memset(text, letter, length);
    text[length] = '\0';
    return text;
}

/* What the library sends to the relay for one connection must always fit into one message. */
static void largest_settings_fit_one_message(void **state)
{
    static char text[1 << 15], deep[POLICY_PATH_LIMIT], program[4096];
    static uint8_t message[WIRE_MESSAGE_LIMIT];
    struct guard_request request = {.program = program, .asked.count = SETTINGS_LIST_LIMIT};
    struct text out = text_in(text, sizeof text);
    const struct policy *policy;

    (void)state;
    put("all.pem", "-----BEGIN CERTIFICATE-----\n-----BEGIN PRIVATE KEY-----\n-----BEGIN X509 CRL-----\n");
    assert_int_equal(chmod(in_folder("all.pem"), 0600), 0);
    snprintf(deep, sizeof deep, "%s/", folder);
    while (strlen(deep) < sizeof deep - 12)
        strcat(deep, "./");
    strcat(deep, "all.pem");
    text_add(&out, "level fingerprint\n");
    for (enum policy_setting key = 0; key < POLICY_SETTINGS; key++) {
        const bool path = key == POLICY_CA_FILE || key == POLICY_CRL_FILE || key == POLICY_CLIENT_CERT ||
                          key == POLICY_CLIENT_KEY || key == POLICY_LOG;
        const bool words = key == POLICY_CIPHERS || key == POLICY_CIPHERSUITES || key == POLICY_GROUPS;

        if (!path && !words)
            continue;
        text_add(&out, policy_setting_name(key));
        text_add(&out, " ");
        text_add(&out, path ? deep : filled('X', POLICY_PATH_LIMIT - 1));
        text_add(&out, "\n");
    }
    text_add(&out, "ca-dir ");
    text_add_bytes(&out, deep, strlen(deep) - strlen("all.pem"));
    for (unsigned i = 0; i < SETTINGS_LIST_LIMIT; i++) {
        const char *name = filled('a', 63);

        text_add(&out, "\nname ");
        for (unsigned j = 0; j < 3; j++) {
            text_add(&out, name);
            text_add(&out, ".");
        }
        text_add(&out, name + 2);
        text_add(&out, "\nfingerprint spki-sha256:");
        text_add(&out, filled('0', 64));
    }
    assert_false(out.cut);
    policy = good_policy(text);
    request.settings = decide(policy, NULL, 25, DECISION_GUARD);
    assert_true(request.settings.ca_dir != NULL && request.settings.names.count == 16);
    assert_int_equal(strlen(request.settings.names.item[15]), 253);
    for (unsigned i = 0; i < SETTINGS_LIST_LIMIT; i++)
        request.asked.item[i] = request.settings.names.item[i];
    memset(program, 'p', sizeof program - 1);
    request.settings.rule = request.settings.connect_host = request.settings.servername =
        filled('r', POLICY_PATH_LIMIT - 1);
    assert_true(wire_write_guard(message, &request) > 0);
    policy_free(policy);
}

static void sources_are_the_named_one_or_the_usual_ones(void **state)
{
    struct policy_source sources[POLICY_SOURCES];
    char buffer[64], small[8];

    (void)state;
    assert_int_equal(policy_default_sources(sources, "/p", "/home/a", false, buffer, sizeof buffer), 1);
    assert_true(strcmp(sources[0].path, "/p") == 0 && sources[0].must_exist);
    assert_int_equal(policy_default_sources(sources, NULL, "/home/a", false, buffer, sizeof buffer), 2);
    assert_string_equal(sources[0].path, "/home/a/.config/retrotls/policy");
    assert_string_equal(sources[1].path, "/etc/retrotls/policy");
    assert_false(sources[0].must_exist || sources[1].must_exist);
    assert_int_equal(policy_default_sources(sources, "", NULL, false, buffer, sizeof buffer), 1);
    assert_string_equal(sources[0].path, "/etc/retrotls/policy");
    assert_int_equal(policy_default_sources(sources, NULL, "relative", false, buffer, sizeof buffer), 1);
    /* With AT_SECURE, the environment is not the user's own. */
    assert_int_equal(policy_default_sources(sources, "/p", "/home/a", true, buffer, sizeof buffer), 1);
    assert_string_equal(sources[0].path, "/etc/retrotls/policy");
    /* A home directory whose path is too long is not silently skipped. */
    assert_int_equal(policy_default_sources(sources, NULL, "/home/a", false, small, sizeof small), 2);
    assert_true(sources[0].must_exist);
}

/* A program cannot change the policy by writing to its memory by accident. */
static void loaded_policy_is_read_only(void **state)
{
    const struct policy *policy = good_policy("level may\n");
    int status;
    const pid_t child = fork();

    (void)state;
    if (child == 0) {
        setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
        signal(SIGSEGV, SIG_DFL);
        *(volatile char *)policy = 1;
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
    policy_free(policy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_file_means_the_built_in_defaults),
        cmocka_unit_test(loading_keeps_errno),
        cmocka_unit_test(users_blocks_come_first_but_before_final_ones),
        cmocka_unit_test(final_defaults_make_every_block_final),
        cmocka_unit_test(what_a_block_leaves_out_comes_from_its_own_file_first),
        cmocka_unit_test(final_block_inherits_nothing_from_the_user),
        cmocka_unit_test(trust_anchors_and_key_pairs_are_inherited_as_one),
        cmocka_unit_test(words_in_place_of_a_ca_file),
        cmocka_unit_test(every_setting_arrives),
        cmocka_unit_test(reach_is_of_a_program_and_its_user),
        cmocka_unit_test(connect_to_takes_every_form),
        cmocka_unit_test(without_memory_all_that_might_be_guarded_fails),
        cmocka_unit_test(certificate_is_found_behind_any_text),
        cmocka_unit_test(largest_settings_fit_one_message),
        cmocka_unit_test(sources_are_the_named_one_or_the_usual_ones),
        cmocka_unit_test(loaded_policy_is_read_only),
    };

    return cmocka_run_group_tests_name("policy: loading", tests, make_folder, remove_folder);
}
