/* Names that /etc/hosts has for an address: for supervised programs, which read the file themselves. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "supervise/dns/hosts_file.h"
#include "tests/unit/names_helpers.h"

static void add(const char *text, const char *address)
{
    const struct wire_address a = strchr(address, ':') ? v6(address, 110) : v4(address, 110);

    hosts_file_add(&found, text, strlen(text), &a);
}

static int nothing(void **state)
{
    *state = NULL;
    memset(&found, 0, sizeof found);
    return 0;
}

static void known(const char *name)
{
    strcpy(found.name[found.count++], name);
}

static void assert_found(const char *one, const char *other)
{
    assert_int_equal(found.count, other ? 2 : one ? 1 : 0);
    assert_false(found.lost);
    if (one)
        assert_string_equal(found.name[0], one);
    if (other)
        assert_string_equal(found.name[1], other);
}

static const char table[] = "# a comment\n"
                            "127.0.0.1 localhost\n"
                            "192.0.2.1\tmail.example mail # and 192.0.2.9 nothing\n"
                            "   192.0.2.2 imap.example\r\n"
                            "192.0.2.2 other.example\n"
                            "192.0.2.3\n"
                            "::ffff:192.0.2.4 mapped.example\n"
                            "2001:DB8:0::5 six.example\n"
                            "fe80::6%lo scoped.example\n"
                            "#192.0.2.7 not.example\n"
                            "192.0.2.8 last.example";

static void first_name_of_the_line_counts(void **state)
{
    (void)state;
    add(table, "192.0.2.1");
    assert_found("mail.example", NULL);
}

static void each_line_counts(void **state)
{
    (void)state;
    add(table, "192.0.2.2");
    assert_found("imap.example", "other.example");
}

static void forms_of_addresses(void **state)
{
    static const struct {
        const char *address, *name;
    } rows[] = {{"192.0.2.3", NULL},
                {"192.0.2.4", "mapped.example"},
                {"2001:db8::5", "six.example"},
                {"fe80::6", "scoped.example"},
                {"192.0.2.7", NULL},
                {"192.0.2.8", "last.example"},
                {"192.0.2.9", NULL},
                {"192.0.2.11", NULL}};

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        nothing(state);
        add(table, rows[i].address);
        assert_found(rows[i].name, NULL);
    }
}

/* DNS was asked for another name: that, or the one in the file, may be meant. */
static void a_name_asked_for_stays(void **state)
{
    (void)state;
    known("bank.example");
    add(table, "192.0.2.1");
    assert_found("bank.example", "mail.example");
}

static void one_line_is_one_host(void **state)
{
    (void)state;
    known("MAIL");
    add(table, "192.0.2.1");
    assert_found("MAIL", NULL);
}

/* No certificate is for a name of the machine itself. */
static void names_of_this_machine_do_not_count(void **state)
{
    (void)state;
    known("bank.example");
    add(table, "127.0.0.1");
    assert_found("bank.example", NULL);
    add("127.0.0.1 mail.example\n127.0.0.1 x localhost\n", "127.0.0.1");
    assert_found("bank.example", "mail.example");

    nothing(state);
    add("127.0.0.2 mail.example\n", "127.0.0.2");
    assert_found("mail.example", NULL);
    nothing(state);
    add("127.0.0.1 mail.example\n127.0.0.1 localhost\n", "127.0.0.1");
    assert_true(found.lost);
}

static void what_has_no_room_is_lost(void **state)
{
    char line[8192];

    (void)state;
    for (int i = 0; i < SETTINGS_LIST_LIMIT; i++)
        known("n.example");
    add(table, "192.0.2.1");
    assert_true(found.lost);

    nothing(state);
    memset(line, 'x', sizeof line);
    memcpy(line, "192.0.2.1 ", 10);
    line[10 + NAME_LIMIT] = '\0';
    add(line, "192.0.2.1");
    assert_true(found.lost);

    nothing(state);
    line[10 + NAME_LIMIT] = 'x';
    line[sizeof line - 1] = '\0';
    add(line, "192.0.2.1");
    assert_true(found.lost);
}

static char path[] = "/tmp/test_hosts_file.XXXXXX";

static void write_file(mode_t mode)
{
    FILE *const file = fopen(path, "we");

    assert_non_null(file);
    fputs(table, file);
    fclose(file);
    assert_int_equal(chmod(path, mode), 0);
}

static void a_file_that_is_not_roots_alone_adds_only(void **state)
{
    const struct wire_address a = v4("192.0.2.1", 110);

    write_file(0666);
    hosts_file_read(&found, path, &a);
    assert_int_equal(found.count, 1);
    assert_true(found.lost);

    nothing(state);
    known("bank.example");
    hosts_file_read(&found, path, &a);
    assert_found("bank.example", "mail.example");

    if (geteuid() != 0)
        return;
    nothing(state);
    write_file(0644);
    hosts_file_read(&found, path, &a);
    assert_found("mail.example", NULL);
}

static void a_file_that_is_missing_or_unreadable(void **state)
{
    const struct wire_address a = v4("192.0.2.1", 110);

    (void)state;
    hosts_file_read(&found, "/nonexistent", &a);
    assert_found(NULL, NULL);
    hosts_file_read(&found, "/", &a);
    assert_true(found.lost);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, nothing)
    const struct CMUnitTest tests[] = {
        TEST(first_name_of_the_line_counts),
        TEST(each_line_counts),
        TEST(forms_of_addresses),
        TEST(a_name_asked_for_stays),
        TEST(one_line_is_one_host),
        TEST(names_of_this_machine_do_not_count),
        TEST(what_has_no_room_is_lost),
        TEST(a_file_that_is_not_roots_alone_adds_only),
        TEST(a_file_that_is_missing_or_unreadable),
    };
    const int fd = mkstemp(path);
    int failed;

    if (fd < 0)
        return 1;
    close(fd);
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(path);
    return failed;
}
