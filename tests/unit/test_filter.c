/*
 * The rules that filters of system calls are made of, each tried on the kernel, and evaluated as it does
 * where there are no filters (qemu-user). A rule that matches too much would be a hole in a wall; one that
 * matches too little, a relay that does not work. For the walls themselves see test_sandbox_calls.c and
 * test_monitor_walls.c.
 */
#include <errno.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "monitor/walls/calls.h"
#include "monitor/walls/filter.h"
#include "tests/unit/bpf.h"
#include "tests/unit/cmocka_all.h"
#include "tests/unit/walls.h"

enum { NOT_LOADED = 99, BEHIND = 100 };

/* A harmless call: close(-1, ...) fails with EBADF if it gets through. */
static long with_arguments(uint64_t second, uint64_t third)
{
    return syscall(SYS_close, -1L, (long)second, (long)third) == 0 ? 0 : errno;
}

static struct filter filter;

static void start(bool lenient)
{
    static const int needed[] = {SYS_exit_group};

    filter_start(&filter, lenient);
    filter_allow_all(&filter, needed, 1);
}

/* The errno of the call as the filter decides, evaluated here. */
static int by_evaluation(uint64_t second, uint64_t third)
{
    struct filter whole = filter;
    const struct seccomp_data call = {
        .nr = SYS_close, .arch = FILTER_NATIVE, .args = {-1UL, (unsigned long)second, (unsigned long)third}};
    uint32_t verdict;

    assert_true(filter_end(&whole));
    verdict = bpf_run(&whole, &call);
    if (verdict == SECCOMP_RET_ALLOW)
        return EBADF;
    assert_int_equal(verdict & ~SECCOMP_RET_DATA, SECCOMP_RET_ERRNO);
    return (int)(verdict & SECCOMP_RET_DATA);
}

/* The errno of the call, made in a child under the filter. */
static int on_the_kernel(uint64_t second, uint64_t third)
{
    int status = 0;
    const pid_t pid = fork();

    if (pid == 0) {
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        if (filter_load(&filter) != 0)
            _exit(NOT_LOADED);
        syscall(SYS_exit_group, BEHIND + (int)with_arguments(second, third));
    }
    assert_true(pid > 0 && waitpid(pid, &status, 0) == pid);
    assert_true(WIFEXITED(status));
    assert_int_not_equal(WEXITSTATUS(status), NOT_LOADED);
    return WEXITSTATUS(status) - BEHIND;
}

static int behind(uint64_t second, uint64_t third)
{
    const int error = by_evaluation(second, third);

    if (walls_can_filter())
        assert_int_equal(on_the_kernel(second, third), error);
    return error;
}

static void allowed(uint64_t second, uint64_t third)
{
    assert_int_equal(behind(second, third), EBADF);
}

static void refused(uint64_t second, uint64_t third)
{
    assert_int_equal(behind(second, third), EPERM);
}

static const bool of_64_bits = sizeof(long) == 8;
static const uint64_t high = UINT64_C(1) << 32;

static void what_no_rule_names_gets_the_default(void **state)
{
    (void)state;
    start(false);
    refused(0, 0);
    start(true);
    allowed(0, 0);
}

static void each_call_of_a_list_is_allowed_and_no_neighbour(void **state)
{
    static const int lists[][3] = {{SYS_close, SYS_getpid, SYS_getppid},
                                   {SYS_getpid, SYS_close, SYS_getppid},
                                   {SYS_getpid, SYS_getppid, SYS_close},
                                   {FILTER_NO_CALL, SYS_close, FILTER_NO_CALL}};
    static const int others[] = {SYS_close - 1, SYS_close + 1, FILTER_NO_CALL};

    (void)state;
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        start(false);
        filter_allow_all(&filter, lists[i], 3);
        allowed(0, 0);
    }
    start(false);
    filter_allow_all(&filter, others, 3);
    refused(0, 0);
}

static void equal_means_all_64_bits(void **state)
{
    const uint64_t wanted = of_64_bits ? 7 + high : 7;

    (void)state;
    start(false);
    filter_allow_if(&filter, SYS_close, filter_equals(1, wanted));
    allowed(wanted, 0);
    refused(wanted + 1, 0);
    refused(wanted - 1, 0);
    refused(0, wanted); /* another argument does not count */
    if (!of_64_bits)
        return;
    refused(7, 0);
    refused(7 + 2 * high, 0);
}

static void bits_are_those_of_the_mask(void **state)
{
    (void)state;
    start(false);
    filter_allow_if(&filter, SYS_close, filter_has_bits(2, 0x80000006, 0x80000002));
    allowed(0, 0x80000002);
    allowed(0, 0x80000ffb);
    refused(0, 0x80000006);
    refused(0, 0x80000000);
    refused(0, 2);
    if (of_64_bits)
        allowed(0, 0x80000002 + high);
}

static void the_upper_half_is_looked_at_alone(void **state)
{
    (void)state;
    start(false);
    filter_allow_if(&filter, SYS_close, filter_has_upper_half(1, 1));
    refused(1, 0);
    refused(0, 1);
    if (of_64_bits) {
        allowed(high, 0);
        allowed(high + 7, 0);
        refused(2 * high, 0);
        refused((uint64_t)-1, 0);
    }
}

static void a_range_has_both_its_ends_and_no_more(void **state)
{
    (void)state;
    start(false);
    filter_allow_if(&filter, SYS_close, filter_in_range(1, 10, 20));
    refused(9, 0);
    allowed(10, 0);
    allowed(20, 0);
    refused(21, 0);
    refused((uint64_t)-1, 0);
    start(false);
    filter_allow_if(&filter, SYS_close, filter_in_range(1, 0, 0));
    allowed(0, 0);
    refused(1, 0);
}

static void both_conditions_must_be_met_and_a_later_rule_still_counts(void **state)
{
    (void)state;
    start(false);
    filter_allow_if_both(&filter, SYS_close, filter_equals(1, 1), filter_in_range(2, 4, 6));
    filter_allow_if_both(&filter, SYS_close, filter_in_range(1, 2, 3), filter_has_bits(2, 1, 1));
    filter_allow_if(&filter, SYS_close, filter_equals(1, 9));
    allowed(1, 5);
    refused(1, 7);
    refused(0, 5);
    allowed(2, 7);
    refused(2, 6);
    allowed(9, 0);
    refused(4, 7);
}

static void a_refusal_has_its_own_error(void **state)
{
    (void)state;
    start(true);
    filter_refuse(&filter, SYS_close, ENOSYS);
    assert_int_equal(behind(0, 0), ENOSYS);
}

/* A filter cut short would refuse calls, or worse, jump to another rule's outcome. */
static void a_filter_without_room_is_not_loaded(void **state)
{
    static int many[300];

    (void)state;
    for (size_t i = 0; i < 300; i++)
        many[i] = (int)i;
    start(false);
    filter_allow_all(&filter, many, 300); /* a jump longer than a filter can make */
    assert_int_equal(filter_load(&filter), E2BIG);
    start(false);
    for (size_t i = 0; i < FILTER_LIMIT; i++)
        filter_refuse(&filter, SYS_close, EPERM);
    assert_int_equal(filter_load(&filter), E2BIG);
}

/*
 * The errno of close(-1, ...), made by a child whose filter notifies us, if we answer that it failed with
 * E2BIG.
 */
static int notified(struct filter *f)
{
    int pair[2], status = 0, listener = -1;
    struct {
        struct seccomp_notif from;
        uint8_t room[256];
    } got = {.room = {0}};
    pid_t pid;

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    pid = fork();
    if (pid == 0) {
        /* The listener gets a number that the parent knows, since it takes it by pidfd_getfd(2). */
        const int mine = filter_load_notifying(f);

        if (mine < 0 || write(pair[1], &mine, sizeof mine) != sizeof mine || read(pair[1], &listener, 1) != 1)
            _exit(NOT_LOADED);
        close(mine);
        syscall(SYS_exit_group, BEHIND + (int)with_arguments(0, 0));
    }
    assert_true(read(pair[0], &listener, sizeof listener) == sizeof listener);
    const int child = (int)syscall(SYS_pidfd_open, pid, 0);
    listener = (int)syscall(SYS_pidfd_getfd, child, listener, 0);
    assert_true(listener >= 0);
    assert_int_equal(write(pair[0], "", 1), 1);
    for (bool over = false; !over;) {
        struct seccomp_notif_resp response = {.error = -E2BIG};
        struct pollfd set = {.fd = listener, .events = POLLIN};

        memset(&got, 0, sizeof got);
        poll(&set, 1, -1);
        if (!(set.revents & POLLIN) || ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &got.from) != 0)
            break;
        over = got.from.data.nr == SYS_close && (int)got.from.data.args[0] == -1;
        response.id = got.from.id;
        if (!over) {
            response.error = 0;
            response.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
        }
        assert_int_equal(ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &response), 0);
    }
    assert_true(waitpid(pid, &status, 0) == pid && WIFEXITED(status));
    close(pair[0]);
    close(pair[1]);
    close(child);
    close(listener);
    return WEXITSTATUS(status) - BEHIND;
}

/* Before Linux 5.9 there is no supervision. */
static void need_notifications(void)
{
    const int self = (int)syscall(SYS_pidfd_open, getpid(), 0);

    walls_need_filters();
    if (self < 0)
        skip();
    close(self);
}

static void a_notified_call_gets_the_supervisors_answer(void **state)
{
    (void)state;
    need_notifications();
    filter_start_notifying(&filter);
    filter_notify(&filter, SYS_close);
    assert_int_equal(notified(&filter), E2BIG);
    filter_start_notifying(&filter);
    filter_notify_if(&filter, SYS_close, filter_equals(1, 0));
    assert_int_equal(notified(&filter), E2BIG);
}

static void the_first_rule_of_a_notifying_filter_counts(void **state)
{
    (void)state;
    need_notifications();
    filter_start_notifying(&filter);
    filter_notify_if(&filter, SYS_close, filter_equals(1, 7));
    assert_int_equal(notified(&filter), EBADF);
    filter_start_notifying(&filter);
    filter_refuse_if(&filter, SYS_close, EOPNOTSUPP, filter_equals(1, 0));
    filter_notify(&filter, SYS_close);
    /* close(2) of the listener's own copy in the child does not fit the first rule. */
    assert_int_equal(notified(&filter), EOPNOTSUPP);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_no_rule_names_gets_the_default),
        cmocka_unit_test(each_call_of_a_list_is_allowed_and_no_neighbour),
        cmocka_unit_test(equal_means_all_64_bits),
        cmocka_unit_test(bits_are_those_of_the_mask),
        cmocka_unit_test(the_upper_half_is_looked_at_alone),
        cmocka_unit_test(a_range_has_both_its_ends_and_no_more),
        cmocka_unit_test(both_conditions_must_be_met_and_a_later_rule_still_counts),
        cmocka_unit_test(a_refusal_has_its_own_error),
        cmocka_unit_test(a_filter_without_room_is_not_loaded),
        cmocka_unit_test(a_notified_call_gets_the_supervisors_answer),
        cmocka_unit_test(the_first_rule_of_a_notifying_filter_counts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
