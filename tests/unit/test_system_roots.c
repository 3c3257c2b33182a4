/*
 * Where the system's CAs are: the first place that has any. Also those next to the relay, which nobody else
 * may have put there.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "monitor/files/bundled_roots.h"
#include "monitor/files/system_roots.h"
#include "monitor/messages.h"
#include "tests/unit/cmocka_all.h"

static char base[] = "/tmp/retrotls-test-places-XXXXXX";
static char empty[PATH_MAX], hashed[PATH_MAX], lists[PATH_MAX], file[PATH_MAX], hollow[PATH_MAX],
    absent[PATH_MAX];

static const char *in_base(char path[PATH_MAX], const char *name)
{
    snprintf(path, PATH_MAX, "%s/%s", base, name);
    return path;
}

static void write_to(const char *path, const char *text)
{
    FILE *const out = fopen(path, "we");

    assert_non_null(out);
    fputs(text, out);
    assert_int_equal(fclose(out), 0);
}

static int make(void **state)
{
    char path[PATH_MAX];

    (void)state;
    assert_non_null(mkdtemp(base));
    assert_int_equal(mkdir(in_base(empty, "empty"), 0755), 0);
    write_to(in_base(path, "empty/ca-certificates.crt"), "no hash");
    write_to(in_base(path, "empty/0123456.0"), "a digit too few");
    assert_int_equal(mkdir(in_base(lists, "lists"), 0755), 0);
    write_to(in_base(path, "lists/01234567.r0"), "a list");
    assert_int_equal(mkdir(in_base(hashed, "hashed"), 0755), 0);
    write_to(in_base(path, "hashed/0123abcd.0"), "a certificate");
    write_to(in_base(file, "bundle.pem"), "certificates");
    write_to(in_base(hollow, "hollow.pem"), "");
    in_base(absent, "absent");
    return 0;
}

static int destroy(void **state)
{
    char command[PATH_MAX];

    (void)state;
    snprintf(command, sizeof command, "rm -r %s", base);
    return system(command);
}

static void the_first_place_with_certificates_counts(void **state)
{
    const char *const folders[] = {absent, empty, lists, file, hashed, empty, NULL};
    const char *const bundles[] = {absent, hollow, hashed, file, absent, NULL};
    struct system_roots found;

    (void)state;
    for (int twice = 0; twice < 2; twice++) {
        system_roots_among(folders, bundles, &found);
        assert_ptr_equal(found.folder, hashed);
        assert_ptr_equal(found.bundle, file);
    }
}

static void none_is_none(void **state)
{
    const char *const nowhere[] = {absent, empty, NULL}, *const none[] = {NULL};
    struct system_roots found;

    (void)state;
    system_roots_among(nowhere, nowhere, &found);
    assert_true(found.folder == NULL && found.bundle == NULL);
    system_roots_among(none, none, &found);
    assert_true(found.folder == NULL && found.bundle == NULL);
}

/* What we know about a folder holds until the folder changes. */
static void a_folder_that_gets_certificates_is_seen(void **state)
{
    char folder[PATH_MAX], name[PATH_MAX];
    const char *const folders[] = {in_base(folder, "growing"), NULL}, *const none[] = {NULL};
    struct system_roots found;

    (void)state;
    assert_int_equal(mkdir(folder, 0755), 0);
    system_roots_among(folders, none, &found);
    assert_null(found.folder);
    write_to(in_base(name, "growing/89abcdef.0"), "a certificate");
    system_roots_among(folders, none, &found);
    assert_ptr_equal(found.folder, folder);
    assert_int_equal(unlink(name), 0);
    system_roots_among(folders, none, &found);
    assert_null(found.folder);
}

/* This program stands in for the relay. */
static void beside(char path[PATH_MAX + 32])
{
    char folder[PATH_MAX] = "";

    assert_true(readlink("/proc/self/exe", folder, sizeof folder - 1) > 0);
    *strrchr(folder, '/') = '\0';
    snprintf(path, PATH_MAX + 32, "%s/ca-certificates.pem", folder);
}

static void what_lies_beside_the_relay_must_be_nobody_elses(void **state)
{
    char path[PATH_MAX + 32], target[PATH_MAX];
    int error = 0;

    (void)state;
    beside(path);
    unlink(path);
    assert_null(bundled_roots(&error));
    assert_int_equal(error, MONITOR_NO_BUNDLED);
    write_to(path, "certificates");
    assert_int_equal(chmod(path, 0644), 0);
    assert_string_equal(bundled_roots(&error), path);
    assert_int_equal(chmod(path, 0664), 0);
    assert_null(bundled_roots(&error));
    assert_int_equal(error, MONITOR_NOT_TRUSTED);
    unlink(path);
    assert_int_equal(symlink(in_base(target, "bundle.pem"), path), 0);
    assert_null(bundled_roots(&error));
    assert_int_equal(error, MONITOR_NOT_TRUSTED);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_place_with_certificates_counts),
        cmocka_unit_test(none_is_none),
        cmocka_unit_test(a_folder_that_gets_certificates_is_seen),
        cmocka_unit_test(what_lies_beside_the_relay_must_be_nobody_elses),
    };
    return cmocka_run_group_tests(tests, make, destroy);
}
