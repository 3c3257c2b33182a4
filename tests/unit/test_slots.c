/*
 * What connect() has acquired is found again after a longjmp, and never taken from a call that is still
 * running.
 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "preload/guard/slots.h"
#include "preload/sys/sys.h"
#include "tests/unit/cmocka_all.h"

static char stack[4096];
enum { SHALLOW = 3000, DEEP = 1000 }; /* stacks grow down */

static void fill(struct slot *slot, enum slot_part part)
{
    assert_true(slot_keep(slot, part, sys_socket(AF_UNIX, SOCK_STREAM, 0)));
}

static bool is_open(int fd)
{
    return fcntl(fd, F_GETFD) >= 0;
}

static void slot_starts_empty_and_ends_closed(void **state)
{
    struct slot *const slot = slot_take(stack + SHALLOW);
    int fd;

    (void)state;
    assert_non_null(slot);
    assert_true(slot_is_mine(slot));
    for (int part = 0; part < SLOT_PARTS; part++)
        assert_int_equal(slot_descriptor(slot, (enum slot_part)part), -1);
    fill(slot, SLOT_REQUEST);
    fd = slot_descriptor(slot, SLOT_REQUEST);
    assert_true(is_open(fd));
    slot_release(slot);
    assert_false(is_open(fd));
    assert_false(slot_is_mine(slot));
}

static void call_left_by_longjmp_is_found_again(void **state)
{
    struct slot *const left = slot_take(stack + SHALLOW);
    struct slot *again;
    int fd;

    (void)state;
    fill(left, SLOT_RELAY_END);
    fd = slot_descriptor(left, SLOT_RELAY_END);
    again = slot_take(stack + SHALLOW);
    assert_ptr_equal(again, left);
    assert_false(is_open(fd));
    slot_release(again);
}

static void call_in_a_signal_handler_takes_another(void **state)
{
    struct slot *const outer = slot_take(stack + SHALLOW);
    struct slot *inner;
    int fd;

    (void)state;
    fill(outer, SLOT_PROGRAM_END);
    fd = slot_descriptor(outer, SLOT_PROGRAM_END);
    inner = slot_take(stack + DEEP);
    assert_ptr_not_equal(inner, outer);
    slot_release(inner);
    assert_true(is_open(fd));
    assert_int_equal(slot_descriptor(outer, SLOT_PROGRAM_END), fd);
    slot_release(outer);
}

static struct slot *in_handler;

static void on_alternate_stack(int number)
{
    (void)number;
    in_handler = slot_take(stack + SHALLOW + 1); /* "not deeper", but on another stack */
}

static void alternate_stack_proves_nothing(void **state)
{
    static char alternate[65536];
    const stack_t set = {.ss_sp = alternate, .ss_size = sizeof alternate};
    const stack_t unset = {.ss_flags = SS_DISABLE};
    const struct sigaction action = {.sa_handler = on_alternate_stack, .sa_flags = SA_ONSTACK};
    struct slot *const outer = slot_take(stack + SHALLOW);

    (void)state;
    assert_int_equal(sigaltstack(&set, NULL), 0);
    assert_int_equal(sigaction(SIGUSR1, &action, NULL), 0);
    raise(SIGUSR1);
    assert_non_null(in_handler);
    assert_ptr_not_equal(in_handler, outer);
    slot_release(in_handler);
    slot_release(outer);
    sigaltstack(&unset, NULL);
}

static void number_that_the_program_reused_is_not_ours(void **state)
{
    struct slot *const slot = slot_take(stack + SHALLOW);
    const int other = open("/dev/null", O_RDONLY);
    int fd;

    (void)state;
    fill(slot, SLOT_REQUEST);
    fd = slot_descriptor(slot, SLOT_REQUEST);
    assert_int_equal(dup2(other, fd), fd);
    assert_int_equal(slot_descriptor(slot, SLOT_REQUEST), -1);
    slot_release(slot);
    assert_true(is_open(fd));
    close(fd);
    close(other);
}

static void standard_descriptors_are_left_free(void **state)
{
    struct slot *const slot = slot_take(stack + SHALLOW);
    const int kept = fcntl(0, F_DUPFD_CLOEXEC, 3);

    (void)state;
    close(0);
    fill(slot, SLOT_REQUEST);
    assert_true(slot_descriptor(slot, SLOT_REQUEST) > 2);
    assert_false(is_open(0));
    slot_release(slot);
    if (kept >= 0) {
        dup2(kept, 0);
        close(kept);
    }
}

static void *take_one(void *unused)
{
    (void)unused;
    return slot_take(stack + SHALLOW);
}

static void every_thread_has_its_own_and_ended_ones_are_reused(void **state)
{
    struct slot *const own = slot_take(stack + SHALLOW);
    struct slot *first = NULL;
    void *taken;

    (void)state;
    /* Each thread ends with its slot in use, like a cancelled one. There are far more threads than slots. */
    for (int i = 0; i < 2 * SLOTS_LIMIT; i++) {
        pthread_t thread;

        assert_int_equal(pthread_create(&thread, NULL, take_one, NULL), 0);
        assert_int_equal(pthread_join(thread, &taken), 0);
        assert_non_null(taken);
        assert_ptr_not_equal(taken, own);
        first = first ? first : taken;
    }
    assert_true(slot_is_mine(own));
    slot_release(own);
}

static void forked_child_closes_its_copies(void **state)
{
    struct slot *const slot = slot_take(stack + SHALLOW);
    int fd, status;
    pid_t child;

    (void)state;
    fill(slot, SLOT_REQUEST);
    fd = slot_descriptor(slot, SLOT_REQUEST);
    child = fork();
    if (child == 0) {
        slots_forget();
        _exit(is_open(fd) || slot_is_mine(slot) ? 1 : 0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_true(is_open(fd));
    slot_release(slot);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slot_starts_empty_and_ends_closed),
        cmocka_unit_test(call_left_by_longjmp_is_found_again),
        cmocka_unit_test(call_in_a_signal_handler_takes_another),
        cmocka_unit_test(alternate_stack_proves_nothing),
        cmocka_unit_test(number_that_the_program_reused_is_not_ours),
        cmocka_unit_test(standard_descriptors_are_left_free),
        cmocka_unit_test(every_thread_has_its_own_and_ended_ones_are_reused),
        cmocka_unit_test(forked_child_closes_its_copies),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
