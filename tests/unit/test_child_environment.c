/*
 * What a program that this one starts finds in its environment: what the library needs, and otherwise what it
 * was given.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "preload/child/child_environment.h"
#include "preload/child/lent_environment.h"
#include "preload/process/config.h"
#include "preload/sys/memory.h"
#include "tests/unit/cmocka_all.h"

static char folder[] = "/tmp/retrotls-child-XXXXXX";
static char library[64], preload[96]; /* its path, and the assignment */
static char policy[] = "RETROTLS_POLICY=/nonexistent/policy";

#define GIVEN(...) ((char *[]){__VA_ARGS__, NULL})

static void check(char *const *given, char *const *expected)
{
    struct child_environment room;
    char *const *made = given;
    size_t i = 0;

    errno = ENOTTY;
    assert_true(child_environment(&made, &room));
    assert_int_equal(errno, ENOTTY);
    for (; expected[i]; i++) {
        assert_non_null(made[i]);
        assert_string_equal(made[i], expected[i]);
    }
    assert_null(made[i]);
    child_environment_end(&room);
}

static void check_untouched(char *const *given)
{
    struct child_environment room;
    char *const *made = given;

    errno = ENOTTY;
    assert_true(child_environment(&made, &room));
    assert_ptr_equal(made, given);
    assert_int_equal(errno, ENOTTY);
    child_environment_end(&room);
}

static void nothing_is_added_where_the_preload_is_not_ours(void **state)
{
    (void)state;
    setenv("LD_PRELOAD", "/usr/lib/libjemalloc.so:/x/notlibretrotls.so:/x/libretrotls.so.old", 1);
    child_environment_start();
    check_untouched(GIVEN("A=1"));
    check_untouched(NULL);
}

/* From here on, we were started with the library and a policy. */
static void start(void)
{
    static char value[192];

    snprintf(value, sizeof value, "/x/libother.so %s:/x/libmore.so", library);
    setenv("LD_PRELOAD", value, 1);
    setenv("RETROTLS_POLICY", strchr(policy, '=') + 1, 1);
    config_start();
    child_environment_start();
}

static void cleared_environment_gets_everything_back(void **state)
{
    (void)state;
    start();
    check(NULL, GIVEN(preload, policy));
    check((char *[]){NULL}, GIVEN(preload, policy));
    check(GIVEN("PATH=/bin", "LD_PRELOADS=x", "LD_PRELOA"),
          GIVEN("PATH=/bin", "LD_PRELOADS=x", "LD_PRELOA", preload, policy));
}

static void complete_environment_stays_the_programs_own(void **state)
{
    char value[128];

    (void)state;
    snprintf(value, sizeof value, "LD_PRELOAD=/other/libretrotls.so");
    check_untouched(GIVEN("A=1", value, "RETROTLS_POLICY=/mine"));
    check_untouched(GIVEN("LD_PRELOAD=libretrotls.so", "RETROTLS_POLICY="));
    check_untouched(GIVEN("LD_PRELOAD=::x.so  $LIB/libretrotls.so", "RETROTLS_POLICY="));
}

static void empty_preload_is_on_purpose(void **state)
{
    (void)state;
    check_untouched(GIVEN("LD_PRELOAD=", "A=1"));
}

static void policy_alone_comes_back(void **state)
{
    (void)state;
    check(GIVEN(preload, "A=1"), GIVEN(preload, "A=1", policy));
}

static void others_library_stays_behind_ours(void **state)
{
    char both[192];

    (void)state;
    snprintf(both, sizeof both, "%s:/x/libproxychains.so", preload);
    check(GIVEN("A=1", "LD_PRELOAD=/x/libproxychains.so", "RETROTLS_POLICY=/mine"),
          GIVEN("A=1", both, "RETROTLS_POLICY=/mine"));
}

static void last_of_several_preloads_counts(void **state)
{
    char both[128];

    (void)state;
    snprintf(both, sizeof both, "%s:x.so", preload);
    check_untouched(GIVEN(preload, "LD_PRELOAD=", "A=1"));
    check(GIVEN("LD_PRELOAD=", "LD_PRELOAD=x.so", "RETROTLS_POLICY="),
          GIVEN("LD_PRELOAD=", both, "RETROTLS_POLICY="));
}

static void huge_environment_is_copied_whole(void **state)
{
    enum { MANY = 20000 };
    char **const given = calloc(MANY + 1, sizeof *given);
    char *const *made = given;
    struct child_environment room;

    (void)state;
    assert_non_null(given);
    for (size_t i = 0; i < MANY; i++)
        given[i] = (char *)"VARIABLE=value";
    assert_true(child_environment(&made, &room));
    for (size_t i = 0; i < MANY; i++)
        assert_ptr_equal(made[i], given[i]);
    assert_string_equal(made[MANY], preload);
    assert_string_equal(made[MANY + 1], policy);
    assert_null(made[MANY + 2]);
    child_environment_end(&room);
    child_environment_end(&room);
    free(given);
}

/* execve(2) returns EFAULT for them. The library must not crash. */
static void unreadable_environment_is_left_to_the_kernel(void **state)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *const two = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *const end = two + page;
    char **const array = (char **)(void *)end - 2;

    (void)state;
    assert_true(two != MAP_FAILED);
    assert_int_equal(mprotect(end, page, PROT_NONE), 0);
    assert_true(memory_is_readable(end - 1));
    assert_false(memory_is_readable(end));
    check_untouched((char *const *)(void *)end);
    check_untouched((char *const *)16);
    check_untouched(GIVEN("A=1", end));
    check_untouched(GIVEN("A=1", (char *)1));
    array[0] = array[1] = (char *)"A=1"; /* no NULL before the end of what can be read */
    check_untouched(array);
    memcpy(end - 4, "LD_P", 4);
    check_untouched(GIVEN(end - 4));
    memcpy(end - 14, "LD_PRELOAD=x.s", 14);
    check_untouched(GIVEN(end - 14));
    memcpy(end - 4, "LD_", 4); /* with its NUL, it ends where the page does */
    check(GIVEN(end - 4), GIVEN("LD_", preload, policy));
    munmap(two, 2 * page);
}

/* In a new root, for example: the loader would only print an error. */
static void library_that_is_not_there_is_not_added(void **state)
{
    char away[80];

    (void)state;
    snprintf(away, sizeof away, "%s.away", library);
    assert_int_equal(rename(library, away), 0);
    check_untouched(GIVEN("A=1"));
    assert_int_equal(rename(away, library), 0);
    check(GIVEN("A=1"), GIVEN("A=1", preload, policy));
}

static void relative_name_still_leads_there_from_elsewhere(void **state)
{
    char here[PATH_MAX], absolute[128];

    (void)state;
    assert_non_null(getcwd(here, sizeof here));
    assert_int_equal(chdir(folder), 0);
    setenv("LD_PRELOAD", "./libretrotls.so", 1);
    child_environment_start();
    assert_int_equal(chdir(here), 0);
    snprintf(absolute, sizeof absolute, "LD_PRELOAD=%s/./libretrotls.so", folder);
    check(GIVEN("A=1"), GIVEN("A=1", absolute, policy));
    setenv("LD_PRELOAD", "libretrotls.so", 1); /* the loader searches for it */
    child_environment_start();
    check(GIVEN("A=1"), GIVEN("A=1", "LD_PRELOAD=libretrotls.so", policy));
    start();
}

/* The loader does not find it if the program has changed its working directory since. */
static void relative_name_in_an_environment_becomes_absolute(void **state)
{
    char own[200];

    (void)state;
    snprintf(own, sizeof own, "LD_PRELOAD=/x/other.so %s: /y/another.so", library);
    check(GIVEN("A=1", "LD_PRELOAD=./libretrotls.so", policy), GIVEN("A=1", preload, policy));
    check(GIVEN("LD_PRELOAD=/x/other.so ./x/libretrotls.so: /y/another.so", policy), GIVEN(own, policy));
    check_untouched(GIVEN("LD_PRELOAD=libretrotls.so", policy));
    check_untouched(GIVEN("LD_PRELOAD=$ORIGIN/../libretrotls.so", policy));
}

static void relative_policy_and_log_become_absolute(void **state)
{
    char log_here[] = "RETROTLS_LOG=log", policy_here[] = "RETROTLS_POLICY=policy";
    char *theirs[] = {policy_here, log_here, (char[]){"LD_PRELOAD=./libretrotls.so"}, NULL};
    char **const before = environ;

    (void)state;
    check(GIVEN("A=1", preload, "RETROTLS_POLICY=policy"), GIVEN("A=1", preload, policy));
    check(GIVEN(preload, "RETROTLS_POLICY=nonexistent/policy", "B=2"), GIVEN(preload, policy, "B=2"));
    check_untouched(GIVEN(preload, "RETROTLS_POLICY=other", "RETROTLS_POLICY=policy"));
    check_untouched(GIVEN(preload, "RETROTLS_POLICY=olicy"));
    check_untouched(GIVEN(preload, "RETROTLS_POLICY="));
    environ = theirs;
    assert_int_equal(lent_environment_take(), LENT);
    assert_string_equal(environ[0], policy);
    assert_string_equal(environ[2], preload);
    assert_ptr_equal(environ[1], log_here);
    lent_environment_return(LENT);
    assert_ptr_equal(environ, theirs);
    assert_ptr_equal(theirs[0], policy_here);
    assert_string_equal(theirs[2], "LD_PRELOAD=./libretrotls.so");
    environ = before;
}

static void environ_is_lent_for_a_call_only(void **state)
{
    char **const before = environ;
    char *none[] = {NULL};

    (void)state;
    assert_int_equal(lent_environment_take(), LENT_NOTHING);
    environ = none;
    assert_int_equal(lent_environment_take(), LENT);
    assert_string_equal(environ[0], preload);
    assert_int_equal(lent_environment_take(), LENT); /* another thread's call */
    lent_environment_return(LENT);
    assert_string_equal(environ[1], policy);
    lent_environment_return(LENT);
    assert_ptr_equal(environ, none);
    assert_int_equal(lent_environment_take(), LENT);
    environ = before; /* the program replaces it meanwhile */
    lent_environment_return(LENT);
    assert_ptr_equal(environ, before);
}

/* setenv(3) or unsetenv(3) in another thread writes to the lent array if the variable exists. */
static void changes_made_while_it_is_lent_stay(void **state)
{
    char **const before = environ;
    char other[] = "LD_PRELOAD=/x/other.so", old[] = "A=1", gone[] = "B=2", new[] = "A=3";
    char *theirs[] = {old, gone, other, NULL};

    (void)state;
    environ = theirs;
    assert_int_equal(lent_environment_take(), LENT);
    assert_ptr_equal(environ[1], gone);
    environ[0] = new;
    for (size_t i = 1; environ[i]; i++)
        environ[i] = environ[i + 1];
    lent_environment_return(LENT);
    assert_ptr_equal(environ, theirs);
    assert_ptr_equal(theirs[0], new);
    assert_ptr_equal(theirs[1], other);
    assert_null(theirs[2]);
    environ = before;
}

/* setenv(3) in another thread, for a new variable, makes a new array with the lent pointers. */
static void what_others_have_copied_stays_readable(void **state)
{
    enum { COUNT = 1000 };
    char **const before = environ;
    char variable[] = "A=1", other[] = "LD_PRELOAD=/x/other.so", another[] = "LD_PRELOAD=/x/another.so";
    char *theirs[COUNT + 2] = {NULL}, *copy[COUNT + 8] = {NULL}, text[160];

    (void)state;
    for (size_t i = 0; i < COUNT; i++)
        theirs[i] = variable;
    theirs[COUNT] = other;
    environ = theirs;
    assert_int_equal(lent_environment_take(), LENT);
    for (size_t i = 0; environ[i]; i++)
        copy[i] = environ[i];
    environ = copy;
    lent_environment_return(LENT);
    assert_ptr_equal(environ, copy);
    theirs[COUNT] = another;
    environ = theirs;
    assert_int_equal(lent_environment_take(), LENT);
    lent_environment_return(LENT);
    snprintf(text, sizeof text, "%s:/x/other.so", preload);
    assert_string_equal(copy[COUNT], text);
    environ = before;
}

static void cleared_while_it_is_lent_it_is_lent_again(void **state)
{
    char **const before = environ;
    char *none[] = {NULL}, *more[] = {NULL};

    (void)state;
    environ = none;
    assert_int_equal(lent_environment_take(), LENT);
    environ = more;
    assert_int_equal(lent_environment_take(), LENT);
    assert_string_equal(environ[0], preload);
    lent_environment_return(LENT);
    assert_string_equal(environ[0], preload);
    lent_environment_return(LENT);
    assert_ptr_equal(environ, more);
    environ = before;
}

/* There is no room for it in the program's own array, so ours stays. */
static void own_variable_set_while_it_is_lent_stays(void **state)
{
    char **const before = environ;
    char *none[] = {NULL}, own[] = "LD_PRELOAD=/x/other.so";

    (void)state;
    environ = none;
    assert_int_equal(lent_environment_take(), LENT);
    environ[0] = own;
    lent_environment_return(LENT);
    assert_ptr_equal(environ[0], own);
    assert_null(none[0]);
    assert_int_equal(lent_environment_take(), LENT);
    assert_string_not_equal(environ[0], own);
    lent_environment_return(LENT);
    assert_ptr_equal(environ[0], own);
    environ = before;
}

static int make_library(void **state)
{
    FILE *file;

    (void)state;
    unsetenv("RETROTLS_LOG");
    unsetenv("RETROTLS_SANDBOX");
    if (!mkdtemp(folder))
        return -1;
    snprintf(library, sizeof library, "%s/libretrotls.so", folder);
    snprintf(preload, sizeof preload, "LD_PRELOAD=%s", library);
    file = fopen(library, "w");
    return file ? fclose(file) : -1;
}

static int remove_library(void **state)
{
    (void)state;
    return unlink(library) || rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_added_where_the_preload_is_not_ours),
        cmocka_unit_test(cleared_environment_gets_everything_back),
        cmocka_unit_test(complete_environment_stays_the_programs_own),
        cmocka_unit_test(empty_preload_is_on_purpose),
        cmocka_unit_test(policy_alone_comes_back),
        cmocka_unit_test(others_library_stays_behind_ours),
        cmocka_unit_test(last_of_several_preloads_counts),
        cmocka_unit_test(huge_environment_is_copied_whole),
        cmocka_unit_test(unreadable_environment_is_left_to_the_kernel),
        cmocka_unit_test(library_that_is_not_there_is_not_added),
        cmocka_unit_test(relative_name_still_leads_there_from_elsewhere),
        cmocka_unit_test(relative_name_in_an_environment_becomes_absolute),
        cmocka_unit_test(relative_policy_and_log_become_absolute),
        cmocka_unit_test(environ_is_lent_for_a_call_only),
        cmocka_unit_test(changes_made_while_it_is_lent_stay),
        cmocka_unit_test(what_others_have_copied_stays_readable),
        cmocka_unit_test(cleared_while_it_is_lent_it_is_lent_again),
        cmocka_unit_test(own_variable_set_while_it_is_lent_stays),
    };

    return cmocka_run_group_tests(tests, make_library, remove_library);
}
