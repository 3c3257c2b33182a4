/*
 * The log in folders that others can write to: it is written where the user put it, and nowhere else. A
 * server chooses what is in a line, so a log that somebody else can redirect is a weapon (CVE-2016-1247).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "monitor/files/log_file.h"
#include "policy/runtime_log.h"
#include "tests/unit/cmocka_all.h"

enum { OTHER = 65534 };

static char folder[] = "/tmp/retrotls-log-file-XXXXXX";
static struct credentials *own;

static const char *in_folder(const char *name)
{
    static char path[4][128];
    static unsigned next;
    char *const to = path[next++ % 4];

    snprintf(to, sizeof path[0], "%s/%s", folder, name);
    return to;
}

static int opened(const char *name)
{
    const int fd = log_file_open(own, in_folder(name));

    return fd >= 0 ? close(fd) : errno;
}

static void make(const char *name, uid_t user)
{
    const int fd = open(in_folder(name), O_CREAT | O_EXCL | O_WRONLY, 0600);

    assert_true(fd >= 0);
    if (user != geteuid())
        assert_int_equal(fchown(fd, user, user), 0);
    close(fd);
}

static void link_to(const char *name, const char *target, uid_t user)
{
    assert_int_equal(symlink(target, in_folder(name)), 0);
    if (user != geteuid())
        assert_int_equal(lchown(in_folder(name), user, user), 0);
}

static void a_file_is_made_and_written_again(void **state)
{
    struct stat st;

    (void)state;
    assert_int_equal(opened("new"), 0);
    assert_int_equal(stat(in_folder("new"), &st), 0);
    assert_int_equal(st.st_mode, S_IFREG | 0600);
    assert_int_equal(opened("new"), 0);
    assert_int_equal(opened("nowhere/new"), ENOENT);
    assert_int_equal(opened(""), EISDIR);
}

static void the_last_name_is_no_link(void **state)
{
    (void)state;
    make("behind", geteuid());
    link_to("link", "behind", geteuid());
    assert_int_equal(opened("link"), ELOOP);
    link_to("dangling", "made-by-it", geteuid());
    assert_int_equal(opened("dangling"), ELOOP);
    assert_int_equal(access(in_folder("made-by-it"), F_OK), -1);
}

static void links_on_the_way_are_followed_where_they_are_ones_own(void **state)
{
    (void)state;
    assert_int_equal(mkdir(in_folder("real"), 0700), 0);
    make("real/log", geteuid());
    link_to("relative", "real", geteuid());
    link_to("absolute", in_folder("relative"), geteuid());
    link_to("around", "around", geteuid());
    link_to("up", "real/..", geteuid());
    assert_int_equal(opened("relative/log"), 0);
    assert_int_equal(opened("absolute/log"), 0);
    assert_int_equal(opened("up/absolute/../real/log"), 0);
    assert_int_equal(opened("around/log"), ELOOP);
    if (geteuid() != 0)
        return;
    link_to("foreign", "real", OTHER);
    assert_int_equal(opened("foreign/log"), ELOOP);
    link_to("through", "foreign", geteuid());
    assert_int_equal(opened("through/log"), ELOOP);
}

static void what_is_no_file_of_ones_own_is_left_alone(void **state)
{
    (void)state;
    make("one", geteuid());
    assert_int_equal(link(in_folder("one"), in_folder("two")), 0);
    assert_int_equal(opened("one"), EPERM);
    assert_int_equal(unlink(in_folder("two")), 0);
    assert_int_equal(opened("one"), 0);
    assert_int_equal(mkfifo(in_folder("fifo"), 0600), 0);
    assert_int_equal(opened("fifo"), ENXIO); /* without a reader */
    assert_true(open(in_folder("fifo"), O_RDONLY | O_NONBLOCK | O_CLOEXEC) >= 0);
    assert_int_equal(opened("fifo"), EPERM); /* with a reader */
    assert_int_equal(opened("real"), EISDIR);
    assert_int_equal(log_file_open(own, "/dev/null"), -1);
    assert_int_equal(log_file_open(own, "/dev/full"), -1);
    if (geteuid() != 0)
        return;
    make("anothers", OTHER);
    assert_int_equal(opened("anothers"), EPERM);
    assert_int_equal(chmod(in_folder("anothers"), 0666), 0);
    assert_int_equal(opened("anothers"), EPERM);
}

static char *content(const char *name)
{
    FILE *const file = fopen(in_folder(name), "r");
    char *text = NULL;
    size_t size = 0;

    assert_non_null(file);
    assert_true(getdelim(&text, &size, '\0', file) > 0);
    fclose(file);
    return text;
}

/* Whoever has taken over the worker can compose any line, but it stays one line. */
static void a_line_is_one_line_of_printable_ascii(void **state)
{
    static const char forged[] = "a\nb\r\033[2J\177\200\377\0c";
    char long_line[2 * LOG_LINE_LIMIT], path[128], *text;

    (void)state;
    snprintf(path, sizeof path, "%s", in_folder("lines"));
    log_line(own, path, -1, true, forged, sizeof forged - 1);
    text = content("lines");
    assert_non_null(strstr(text, "Z a?b??[2J????c\n"));
    assert_int_equal(strncmp(text, "time=", 5), 0);
    free(text);
    unlink(path);
    memset(long_line, 'x', sizeof long_line);
    log_line(own, path, -1, true, long_line, sizeof long_line);
    text = content("lines");
    assert_int_equal(strlen(text), LOG_LINE_LIMIT);
    assert_ptr_equal(strchr(text, '\n'), text + LOG_LINE_LIMIT - 1);
    free(text);
}

static void grow(const char *name, off_t size)
{
    make(name, geteuid());
    assert_int_equal(truncate(in_folder(name), size), 0);
}

static void a_large_log_gets_another_name_once(void **state)
{
    struct stat st;

    (void)state;
    grow("small.log", RUNTIME_LOG_ROTATED - 1);
    log_file_rotate(in_folder("small.log"), geteuid());
    assert_int_equal(access(in_folder("small.log"), F_OK), 0);
    grow("large.log", RUNTIME_LOG_ROTATED);
    log_file_rotate(in_folder("large.log"), geteuid() + 1); /* another user's */
    assert_int_equal(access(in_folder("large.log"), F_OK), 0);
    log_file_rotate(in_folder("large.log"), geteuid());
    assert_int_equal(access(in_folder("large.log"), F_OK), -1);
    assert_int_equal(stat(in_folder("large.log" RUNTIME_LOG_OLD), &st), 0);
    assert_int_equal(st.st_size, RUNTIME_LOG_ROTATED);
    make("large.log", geteuid());
    log_file_rotate(in_folder("large.log"), geteuid());
    assert_int_equal(stat(in_folder("large.log" RUNTIME_LOG_OLD), &st), 0);
    assert_int_equal(st.st_size, RUNTIME_LOG_ROTATED);
    link_to("rotated", "large.log" RUNTIME_LOG_OLD, geteuid());
    log_file_rotate(in_folder("rotated"), geteuid());
    assert_int_equal(lstat(in_folder("rotated"), &st), 0);
}

/* A process that has looked at the file and waits must not rename the one that was begun since. */
static void a_log_that_another_process_rotates_is_left_to_it(void **state)
{
    int fd;

    (void)state;
    grow("locked.log", RUNTIME_LOG_ROTATED);
    fd = open(in_folder("locked.log"), O_RDONLY | O_CLOEXEC);
    assert_int_equal(flock(fd, LOCK_EX), 0);
    log_file_rotate(in_folder("locked.log"), geteuid());
    assert_int_equal(access(in_folder("locked.log"), F_OK), 0);
    close(fd);
    log_file_rotate(in_folder("locked.log"), geteuid());
    assert_int_equal(access(in_folder("locked.log"), F_OK), -1);
}

static void places_of_the_runtime_log(void **state)
{
    char path[RUNTIME_LOG_PATH];

    (void)state;
    runtime_log_path(path, 0, 0);
    assert_string_equal(path, "/run/retrotls.log");
    runtime_log_path(path, 1, 0);
    assert_string_equal(path, "/tmp/retrotls-0.log");
    runtime_log_path(path, 0, UINT32_MAX);
    assert_string_equal(path, "/run/user/4294967295/retrotls.log");
    runtime_log_path(path, 1, UINT32_MAX);
    assert_string_equal(path, "/tmp/retrotls-4294967295.log");
}

static int set_up(void **state)
{
    (void)state;
    own = credentials_own();
    return own && mkdtemp(folder) ? 0 : -1;
}

static int tear_down(void **state)
{
    char command[128];

    (void)state;
    free(own);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_is_made_and_written_again),
        cmocka_unit_test(the_last_name_is_no_link),
        cmocka_unit_test(links_on_the_way_are_followed_where_they_are_ones_own),
        cmocka_unit_test(what_is_no_file_of_ones_own_is_left_alone),
        cmocka_unit_test(a_line_is_one_line_of_printable_ascii),
        cmocka_unit_test(a_large_log_gets_another_name_once),
        cmocka_unit_test(a_log_that_another_process_rotates_is_left_to_it),
        cmocka_unit_test(places_of_the_runtime_log),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
