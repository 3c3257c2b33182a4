/* What a policy file may look like, who may own it, and what it includes. */
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "policy/policy.h"
#include "tests/unit/policy_files.h"

static void files_may_be_written_anywhere(void **state)
{
    static const char *const texts[] = {
        "\xef\xbb\xbflevel may",  "level\tmay\r\n",
        "\r\n\n \t\nlevel may\r", "# \xe4\xf6\xfc \x01\nlevel \"may\" #x\n",
        "level may#\n",
    };
    const struct policy *policy;

    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        policy = good_policy(texts[i]);
        assert_int_equal(level_at(policy, NULL, 25), LEVEL_MAY);
        policy_free(policy);
    }
    policy = policy_of(texts[4]); /* a '#' within a word starts no comment */
    assert_non_null(strstr(policy_errors(policy), "'may#'"));
    policy_free(policy);
    policy_free(good_policy(""));
}

static void line_as_long_as_a_file_is_read(void **state)
{
    static char text[POLICY_FILE_LIMIT + 1];
    const struct policy *policy;

    (void)state;
    memset(text, ' ', POLICY_FILE_LIMIT);
    memcpy(text, "level", 5);
    memcpy(text + POLICY_FILE_LIMIT - 3, "may", 3);
    policy = good_policy(text);
    assert_int_equal(level_at(policy, NULL, 25), LEVEL_MAY);
    policy_free(policy);
    memcpy(text + POLICY_FILE_LIMIT - 3, "nay", 3);
    policy = policy_of(text);
    assert_non_null(strstr(policy_errors(policy), ":1:1048574: 'level' cannot be 'nay'"));
    policy_free(policy);
}

static void quoted_paths_may_have_blanks(void **state)
{
    const struct policy *policy;

    (void)state;
    put("a \"b\\.pem", "-----BEGIN CERTIFICATE-----\n");
    policy = good_policy("ca-file \"a \\\"b\\\\.pem\"\n");
    assert_string_equal(decide(policy, NULL, 25, DECISION_GUARD).ca_file, in_folder("a \"b\\.pem"));
    policy_free(policy);
}

static void errors_are_bounded(void **state)
{
    static char text[POLICY_FILE_LIMIT];
    const struct policy *policy;

    (void)state;
    for (size_t i = 0; i + 1 < sizeof text; i++)
        text[i] = "x\n"[i % 2];
    policy = policy_of(text);
    assert_in_range(strlen(policy_errors(policy)), POLICY_ERRORS_LIMIT / 2, POLICY_ERRORS_LIMIT - 1);
    assert_non_null(strstr(policy_errors(policy), "\nThere are more errors than are shown here.\n"));
    assert_non_null(strstr(policy_first_error(policy), "policy:1:1: unknown setting 'x'"));
    policy_free(policy);
}

/* It goes into a failure greeting and into logs. */
static void first_error_is_one_short_line_of_ascii(void **state)
{
    char path[300], text[400];
    const struct policy_source source = {.path = path, .must_exist = true};
    const struct policy *policy;
    const char *first;

    (void)state;
    snprintf(path, sizeof path, "/tmp/%0250d", 7);
    policy = policy_load(&source, 1);
    first = policy_first_error(policy);
    assert_true(strncmp(first, "...0", 4) == 0 && strstr(first, "7: no such file") != NULL);
    policy_free(policy);
    memset(text, 'x', sizeof text);
    memcpy(text, "le\xc3\xb6vel'\x7f", 9);
    text[sizeof text - 1] = '\0';
    policy = policy_of(text);
    first = policy_first_error(policy);
    assert_in_range(strlen(first), 20, 319);
    for (const char *c = first; *c != '\0'; c++)
        assert_in_range(*c, 0x20, 0x7e);
    policy_free(policy);
}

static void relative_path_counts_from_the_present_folder(void **state)
{
    char before[PATH_MAX];
    struct policy_source source = {.path = "policy", .must_exist = true};
    const struct policy *policy;

    (void)state;
    put("policy", "level may\n");
    assert_non_null(getcwd(before, sizeof before));
    assert_int_equal(chdir(folder), 0);
    policy = policy_load(&source, 1);
    assert_true(is_rule(decide(policy, NULL, 25, DECISION_GUARD), "policy", 1));
    policy_free(policy);
    assert_int_equal(chdir(before), 0);
    source.path = "";
    policy = policy_load(&source, 1);
    assert_string_not_equal(policy_errors(policy), "");
    policy_free(policy);
}

static void path_too_long_is_an_error(void **state)
{
    static char path[3000];
    const struct policy_source source = {.path = path};
    const struct policy *policy;

    (void)state;
    memset(path, 'a', sizeof path - 1);
    path[0] = '/';
    policy = policy_load(&source, 1);
    assert_non_null(strstr(policy_first_error(policy), "a path longer than 1023 bytes"));
    decide(policy, NULL, 2525, DECISION_ERROR);
    policy_free(policy);
}

/* A removed working folder has no path: nothing relative to it can be found. */
static void present_folder_may_be_gone(void **state)
{
    const struct policy_source source = {.path = "policy"};
    int status;
    pid_t child;

    (void)state;
    assert_int_equal(mkdir(in_folder("gone"), 0755), 0);
    child = fork();
    if (child == 0) {
        if (chdir(in_folder("gone")) != 0 || rmdir(in_folder("gone")) != 0)
            _exit(2);
        _exit(strstr(policy_errors(policy_load(&source, 1)), "cannot be read") == NULL);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void file_of_root_is_trusted(void **state)
{
    int status;
    pid_t child;

    (void)state;
    if (geteuid() != 0)
        skip();
    put("policy", "level may\n");
    assert_int_equal(chmod(folder, 0755), 0);
    child = fork();
    if (child == 0) {
        const struct policy_source source = {.path = in_folder("policy"), .must_exist = true};

        if (setegid(65534) != 0 || seteuid(65534) != 0)
            _exit(2);
        _exit(policy_errors(policy_load(&source, 1))[0] != '\0');
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void include_reads_patterns_in_order_of_names(void **state)
{
    const struct policy *policy;

    (void)state;
    assert_int_equal(mkdir(in_folder("d"), 0755), 0);
    put("d/2.conf", "level may\nmatch host a.example.org b.example.org\n");
    put("d/1.conf", "level encrypt\nmatch host a.example.org\n");
    put("d/.hidden.conf", "nonsense\n");
    put("d/other", "nonsense\n");
    policy = good_policy("timeout 7\ninclude d/*.conf\nmatch host *.example.org\n");
    assert_int_equal(level_at(policy, "a.example.org", 25), LEVEL_ENCRYPT);
    assert_int_equal(level_at(policy, "b.example.org", 25), LEVEL_MAY);
    assert_int_equal(level_at(policy, "c.example.org", 25),
                     LEVEL_SECURE); /* the defaults of the included files do not count here */
    assert_int_equal(decide(policy, "a.example.org", 25, DECISION_GUARD).timeout, 7);
    assert_true(is_rule(decide(policy, "b.example.org", 25, DECISION_GUARD), "d/2.conf", 2));
    policy_free(policy);
    policy_free(good_policy("include \"d/none-*\"\n"));
    policy = policy_of("include d/.h*\n");
    assert_non_null(strstr(policy_errors(policy), "'nonsense'"));
    policy_free(policy);
    policy = policy_of("include d/oth?r\n");
    assert_non_null(strstr(policy_errors(policy), "'nonsense'"));
    policy_free(policy);
}

static void included_settings_without_blocks_join_the_defaults(void **state)
{
    const struct policy *policy;

    (void)state;
    put("base", "level may\nname a.example.org\n");
    put("more", "name b.example.org\n");
    policy = good_policy("include base\ninclude more\ntimeout 5\nmatch host a.example.org\n");
    assert_int_equal(level_at(policy, "a.example.org", 25), LEVEL_MAY);
    assert_int_equal(decide(policy, NULL, 25, DECISION_GUARD).names.count, 2);
    assert_true(is_rule(decide(policy, NULL, 25, DECISION_GUARD), "base", 1));
    policy_free(policy);
}

static void pattern_needs_its_folder(void **state)
{
    const struct policy *policy = policy_of("include nowhere/*\n");

    (void)state;
    assert_non_null(strstr(policy_errors(policy), "nowhere/' cannot be read: no such file or folder"));
    decide(policy, NULL, 2525, DECISION_ERROR);
    policy_free(policy);
    put("plain", "");
    policy = policy_of("include plain/*\n");
    assert_non_null(strstr(policy_errors(policy), "a part of the path is not a folder"));
    policy_free(policy);
    policy = policy_of("include /proc/self/status\n"); /* a regular file of this user, but no policy */
    assert_non_null(strstr(policy_errors(policy), "unknown setting 'Name:'"));
    policy_free(policy);
}

static void too_many_files_of_a_pattern_are_an_error(void **state)
{
    const struct policy *policy;
    char name[32];

    (void)state;
    assert_int_equal(mkdir(in_folder("many"), 0755), 0);
    for (unsigned i = 0; i <= POLICY_FILES_LIMIT; i++) {
        snprintf(name, sizeof name, "many/%u", i);
        put(name, "");
    }
    policy = policy_of("include many/*\n");
    assert_non_null(strstr(policy_errors(policy), "more than 256 files"));
    policy_free(policy);
}

/* The pattern's path may fit while that of a matching file does not. */
static void file_of_a_pattern_needs_a_path_that_fits(void **state)
{
    char text[POLICY_PATH_LIMIT + 64] = "include ";
    const struct policy *policy;

    (void)state;
    put("long-name-of-a-file-that-is-included", "");
    while (strlen(folder) + strlen(text) < POLICY_PATH_LIMIT - 20)
        strcat(text, "./");
    strcat(text, "long*\n");
    policy = policy_of(text);
    assert_non_null(strstr(policy_first_error(policy), "a path longer than 1023 bytes"));
    assert_true(decide(policy, NULL, 2525, DECISION_ERROR).level == LEVEL_SECURE);
    policy_free(policy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_may_be_written_anywhere),
        cmocka_unit_test(line_as_long_as_a_file_is_read),
        cmocka_unit_test(quoted_paths_may_have_blanks),
        cmocka_unit_test(errors_are_bounded),
        cmocka_unit_test(first_error_is_one_short_line_of_ascii),
        cmocka_unit_test(relative_path_counts_from_the_present_folder),
        cmocka_unit_test(path_too_long_is_an_error),
        cmocka_unit_test(present_folder_may_be_gone),
        cmocka_unit_test(file_of_root_is_trusted),
        cmocka_unit_test(include_reads_patterns_in_order_of_names),
        cmocka_unit_test(included_settings_without_blocks_join_the_defaults),
        cmocka_unit_test(pattern_needs_its_folder),
        cmocka_unit_test(too_many_files_of_a_pattern_are_an_error),
        cmocka_unit_test(file_of_a_pattern_needs_a_path_that_fits),
    };

    return cmocka_run_group_tests_name("policy: files", tests, make_folder, remove_folder);
}
