/*
 * The library's small parts: text without stdio, locks that outlive a fork, lines of /proc and of
 * /etc/passwd.
 */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "preload/descriptor/epoll_sets.h"
#include "preload/process/library_log.h"
#include "preload/sys/account.h"
#include "preload/sys/lock.h"
#include "preload/sys/strbuf.h"
#include "preload/sys/sys.h"
#include "tests/unit/cmocka_all.h"

static void words_never_overflow(void **state)
{
    char out[8];
    struct strbuf w;

    (void)state;
    strbuf_start(&w, out, sizeof out);
    strbuf_add(&w, "1234");
    strbuf_number(&w, 56789);
    assert_string_equal(out, "1234567");
    assert_true(w.cut);
    strbuf_start(&w, out, 1);
    strbuf_byte(&w, 'x');
    assert_string_equal(out, "");
}

static void numbers_are_written_and_read(void **state)
{
    char out[64];
    uint8_t bytes[2] = {0, 0};
    uint64_t number;
    struct strbuf w;

    (void)state;
    strbuf_start(&w, out, sizeof out);
    strbuf_number(&w, UINT64_MAX);
    strbuf_byte(&w, ' ');
    strbuf_hex(&w, 0);
    strbuf_hex(&w, UINT64_MAX);
    strbuf_hex_bytes(&w, "\x0a\xff", 2);
    assert_string_equal(out, "18446744073709551615 0ffffffffffffffff0aff");
    assert_ptr_equal(strbuf_read_hex(out + 22, out + 38, &number), out + 38);
    assert_true(number == UINT64_MAX);
    assert_ptr_equal(strbuf_read_hex_bytes(out + 38, out + 42, bytes, 2), out + 42);
    assert_memory_equal(bytes, "\x0a\xff", 2);
    assert_null(strbuf_read_hex_bytes(out + 38, out + 41, bytes, 2));
    assert_null(strbuf_read_hex(out, out, &number));
}

static void lock_of_a_parent_is_taken_over(void **state)
{
    struct lock lock = {0};
    int status;
    pid_t child;

    (void)state;
    assert_true(lock_take(&lock, sys_milliseconds()));
    assert_false(lock_take(&lock, sys_milliseconds() + 1));
    child = fork();
    if (child == 0)
        _exit(lock_take(&lock, sys_milliseconds()) ? 0 : 1);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    lock_release(&lock);
    assert_true(lock_take(&lock, sys_milliseconds()));
}

static bool reads(const char *line, struct registration *r)
{
    return epoll_read_line(line, line + strlen(line), r);
}

static void registration_is_read_as_the_kernel_writes_it(void **state)
{
    struct registration r;

    (void)state;
    assert_true(reads("tfd:       12 events: 80000019 data: ffffffff00000007  pos:0 ino:1f2e sdev:8", &r));
    assert_true(r.number == 12 && r.events == (0x19 | EPOLLET) && r.data == 0xffffffff00000007 &&
                r.inode == 0x1f2e);
    assert_true(reads("tfd:        3 events:       1d data:                3 ", &r)); /* before Linux 4.14 */
    assert_true(r.number == 3 && r.events == 0x1d && r.data == 3 && r.inode == 0);
    assert_false(reads("pos:\t0", &r));
    assert_false(reads("tfd: x events: 1 data: 1", &r));
    assert_false(reads("tfd: 3 events: data: 1", &r));
    assert_false(reads("", &r));
}

static void registration_is_found_in_a_real_set(void **state)
{
    struct registration room[2] = {0};
    struct registrations found = {.item = room, .limit = 2};
    struct epoll_event event = {.events = EPOLLIN | EPOLLET | EPOLLONESHOT, .data.u64 = 0x123456789abcdef0};
    int ends[2], more[2];
    uint64_t inode;
    uint32_t owner;
    const int set = epoll_create1(EPOLL_CLOEXEC);

    (void)state;
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(pipe(more), 0);
    assert_int_equal(epoll_ctl(set, EPOLL_CTL_ADD, ends[0], &event), 0);
    assert_int_equal(epoll_ctl(set, EPOLL_CTL_ADD, more[0], &event), 0);
    assert_true(epoll_set_is(set));
    assert_false(epoll_set_is(ends[0]));
    assert_true(sys_inode(ends[0], &inode, &owner));
    assert_true(epoll_set_read(set, inode, ends, 1, &found));
    assert_int_equal(found.count, 1);
    assert_true(room[0].set == set && room[0].number == ends[0] && room[0].data == event.data.u64);
    assert_int_equal(room[0].events & ~(uint32_t)(EPOLLERR | EPOLLHUP), event.events);
    assert_true(epoll_delete(&room[0]));
    assert_false(epoll_delete(&room[0]));
    assert_true(epoll_add(&room[0]));

    found.limit = 1; /* full already */
    assert_false(epoll_set_read(set, inode, ends, 1, &found));
    assert_int_equal(errno, EMFILE);
    for (int i = 0; i < 2; i++) {
        close(ends[i]);
        close(more[i]);
    }
    close(set);
}

static bool is_account(const char *line, uint32_t uid, struct account *account)
{
    return account_read_line(line, line + strlen(line), uid, account);
}

static void account_is_found_by_its_number(void **state)
{
    struct account a;

    (void)state;
    assert_true(is_account("joe:x:1000:1001:Joe,,,:/home/joe:/bin/sh", 1000, &a));
    assert_string_equal(a.name, "joe");
    assert_string_equal(a.home, "/home/joe");
    assert_true(is_account("joe:x:1000:1001::/home/joe", 1000, &a)); /* no shell */
    assert_true(is_account("joe:x:1000:1001:::", 1000, &a));
    assert_string_equal(a.home, "");
    assert_false(is_account("joe:x:1001:1000:Joe:/home/joe:/bin/sh", 1000, &a));
    assert_false(is_account("joe:x:10000:1:Joe:/home/joe:/bin/sh", 1000, &a));
    assert_false(is_account("joe:x::1:Joe:/home/joe:/bin/sh", 0, &a));
    assert_false(is_account("+::::::", 0, &a));
    assert_false(is_account("1000", 1000, &a));
    assert_false(is_account("", 0, &a));
    assert_true(account_of(0, &a));
    assert_string_equal(a.name, "root");
}

/* In another root directory there is no such file, or another one. */
static void accounts_are_kept(void **state)
{
    struct account a, before;

    (void)state;
    assert_true(account_of(65534, &before));
    account_keep_all();
    account_keep_all();
    assert_true(account_of(65534, &a));
    assert_string_equal(a.name, before.name);
    assert_string_equal(a.home, before.home);
    assert_false(account_of(4000000000, &a));
}

static void time_is_the_calendars(void **state)
{
    char out[LIBRARY_LOG_TIME_SIZE];

    (void)state;
    library_log_time(out, 0);
    assert_string_equal(out, "1970-01-01T00:00:00Z");
    library_log_time(out, 951868799); /* a century that has its leap day */
    assert_string_equal(out, "2000-02-29T23:59:59Z");
    library_log_time(out, 951868800);
    assert_string_equal(out, "2000-03-01T00:00:00Z");
    library_log_time(out, 4107542399);
    assert_string_equal(out, "2100-02-28T23:59:59Z");
    library_log_time(out, 4107542400);
    assert_string_equal(out, "2100-03-01T00:00:00Z");
    library_log_time(out, 1796500080);
    assert_string_equal(out, "2026-12-05T19:48:00Z");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_never_overflow),
        cmocka_unit_test(numbers_are_written_and_read),
        cmocka_unit_test(lock_of_a_parent_is_taken_over),
        cmocka_unit_test(registration_is_read_as_the_kernel_writes_it),
        cmocka_unit_test(registration_is_found_in_a_real_set),
        cmocka_unit_test(account_is_found_by_its_number),
        cmocka_unit_test(accounts_are_kept),
        cmocka_unit_test(time_is_the_calendars),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
