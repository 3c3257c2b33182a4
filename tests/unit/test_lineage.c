/* Children whose process number also is, or was, the number of one of their ancestors. */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "preload/names/lineage.h"
#include "tests/unit/cmocka_all.h"

enum { CANNOT = 77 /* not root */ };

static _Atomic uint64_t *numbers; /* shared between processes */
static struct lineage forebear;

static uint64_t number(void)
{
    return ++*numbers;
}

static int in_child(int (*body)(void))
{
    int status;
    const pid_t child = fork();

    if (child == 0)
        _exit(body());
    return child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

/* Runs `body` as number 1 of a new namespace. */
static int in_namespace(int (*body)(void))
{
    return unshare(CLONE_NEWPID) == 0 ? in_child(body) : CANNOT;
}

/* Has the ancestor's number, but what the ancestor does from now on is another process's doing. */
static int is_another(void)
{
    const struct lineage *const me = lineage_now(number);

    return getpid() == forebear.pid && me->thread != forebear.thread &&
                   lineage_owns(me, forebear.thread, forebear.last) &&
                   !lineage_owns(me, forebear.thread, forebear.last + 1)
               ? 0
               : 1;
}

static int first_makes_a_first(void)
{
    forebear = *lineage_now(number);
    return in_namespace(is_another);
}

static int first_of_two(void)
{
    return in_namespace(first_makes_a_first);
}

static void first_of_a_namespace_is_not_the_first_of_the_one_around_it(void **state)
{
    const int result = in_child(first_of_two);

    (void)state;
    if (result == CANNOT)
        skip();
    assert_int_equal(result, 0);
}

/* Waits until its parent has ended, and forks a child that gets the parent's number. */
static int replace_the_parent(int end)
{
    static const char path[] = "/proc/sys/kernel/ns_last_pid";
    char byte;
    int fd;

    lineage_now(number);
    (void)!read(end, &byte, 1);
    fd = open(path, O_WRONLY | O_CLOEXEC); /* numbers of the caller's own namespace */
    if (fd < 0 || write(fd, "1", 1) != 1)
        return CANNOT;
    close(fd);
    return in_child(is_another);
}

/* Runs as number 1. Its child, the ancestor, has number 2, and so has the ancestor's grandchild. */
static int make_a_grandchild_of_the_same_number(void)
{
    int ended[2], result[2], status;
    char byte = 1;
    pid_t child;

    if (pipe2(ended, O_CLOEXEC) != 0 || pipe2(result, O_CLOEXEC) != 0)
        return 1;
    child = fork();
    if (child == 0) {
        forebear = *lineage_now(number);
        if (fork() == 0) {
            close(ended[1]);
            byte = (char)replace_the_parent(ended[0]);
            _exit(write(result[1], &byte, 1) == 1 ? 0 : 1);
        }
        _exit(0);
    }
    waitpid(child, &status, 0);
    close(ended[1]);
    return read(result[0], &byte, 1) == 1 ? byte : 1;
}

static int grandchild_of_the_same_number(void)
{
    return in_namespace(make_a_grandchild_of_the_same_number);
}

static void grandchild_is_not_the_process_that_had_its_number(void **state)
{
    const int result = in_child(grandchild_of_the_same_number);

    (void)state;
    if (result == CANNOT)
        skip();
    assert_int_equal(result, 0);
}

static int start(void **state)
{
    (void)state;
    numbers = mmap(NULL, sizeof *numbers, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (numbers == MAP_FAILED)
        return -1;
    return pthread_atfork(NULL, NULL, lineage_forked); /* as start.c does */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_of_a_namespace_is_not_the_first_of_the_one_around_it),
        cmocka_unit_test(grandchild_is_not_the_process_that_had_its_number),
    };

    return cmocka_run_group_tests(tests, start, NULL);
}
