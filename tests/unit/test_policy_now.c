/* Whether the files of a loaded policy are as they were: a program that runs takes up new ones. */
#include <errno.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "policy/policy.h"
#include "tests/unit/policy_files.h"

static struct policy_now look(const struct policy *policy)
{
    struct policy_now now;

    errno = EXDEV;
    policy_look(policy, &now);
    assert_int_equal(errno, EXDEV);
    return now;
}

static void a_file_that_is_replaced_or_gone_is_seen(void **state)
{
    const struct policy *const policy = good_policy("match port 1143\n    protocol imap\n");
    const char *const path = in_folder("policy");
    const struct policy_now first = look(policy);
    struct policy_now second, third;

    (void)state;
    assert_true(first.same);
    assert_null(first.lost);
    assert_true(first.changed > 1000000000);
    assert_true(policy_has_file(policy, path));
    assert_false(policy_has_file(policy, in_folder("other")));
    assert_true(rename(put("fresh", "match port 1144\n    protocol imap\n"), in_folder("policy")) == 0);
    second = look(policy);
    assert_false(second.same);
    assert_true(second.mark != first.mark);
    assert_null(second.lost);
    put("policy", "");
    assert_non_null(look(policy).lost);
    assert_int_equal(unlink(in_folder("policy")), 0);
    third = look(policy);
    assert_string_equal(third.lost, in_folder("policy"));
    assert_true(third.mark != second.mark && third.mark != first.mark);
    policy_free(policy);
}

static void a_file_that_appears_is_seen(void **state)
{
    const struct policy_source sources[] = {{.path = in_folder("later")}};
    const struct policy *const policy = policy_load(sources, 1);

    (void)state;
    assert_true(look(policy).same);
    assert_false(policy_has_file(policy, in_folder("later")));
    put("later", "level none\n");
    assert_false(look(policy).same);
    unlink(in_folder("later"));
    assert_true(look(policy).same);
    policy_free(policy);
}

static void included_files_and_new_ones_in_their_folder_are_seen(void **state)
{
    const struct policy *policy;
    struct policy_now now;

    (void)state;
    assert_int_equal(mkdir(in_folder("more"), 0755), 0);
    put("more/a", "match port 1143\n    protocol imap\n");
    policy = good_policy("include more/*\n");
    now = look(policy);
    assert_true(now.same);
    do { /* the kernel's clock for files may stand still for some milliseconds */
        unlink(in_folder("more/b"));
        put("more/b", "match port 1144\n    protocol imap\n");
    } while (look(policy).same);
    assert_true(look(policy).mark != now.mark);
    policy_free(policy);
}

/* A file that is there and cannot be opened, which root can do with all others. */
static void one_that_cannot_be_opened_changes_when_it_is_replaced(void **state)
{
    const struct policy_source source = {.path = in_folder("socket")};
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    const struct policy *policy;

    (void)state;
    strcpy(name.sun_path, source.path);
    assert_int_equal(bind(fd, (struct sockaddr *)&name, sizeof name), 0);
    close(fd);
    policy = policy_load(&source, 1);
    assert_string_not_equal(policy_first_error(policy), "");
    assert_false(policy_has_file(policy, source.path));
    assert_true(look(policy).same);
    unlink(source.path);
    assert_null(look(policy).lost);
    put("socket", "level none\n");
    assert_false(look(policy).same);
    policy_free(policy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_that_is_replaced_or_gone_is_seen),
        cmocka_unit_test(a_file_that_appears_is_seen),
        cmocka_unit_test(included_files_and_new_ones_in_their_folder_are_seen),
        cmocka_unit_test(one_that_cannot_be_opened_changes_when_it_is_replaced),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
