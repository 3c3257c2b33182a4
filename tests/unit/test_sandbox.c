/*
 * The walls from inside: what the worker can no longer do, and what it still can. Each test runs in a child
 * that shuts itself in as the worker does. What should work before is also tried without the walls.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "relay/sandbox/sandbox.h"
#include "tests/unit/cmocka_all.h"
#include "tests/unit/walls.h"

static char folder[] = "/tmp/retrotls-sandbox-XXXXXX";
static char other_file[64], script[64];
static int given;                          /* a socket that the worker already has */
static char secret[] = "of the program's"; /* in the parent's memory */

static int outcome(bool good)
{
    return good ? 0 : errno;
}

static int can_open(const char *path, int flags)
{
    const int fd = open(path, flags | O_CLOEXEC, 0600);

    return fd >= 0 ? close(fd) : errno;
}

/* ---- files ---- */

static int open_other(void)
{
    return can_open(other_file, O_RDONLY);
}

static int open_passwords(void)
{
    return can_open("/etc/passwd", O_RDONLY);
}

static int write_other(void)
{
    return can_open(other_file, O_WRONLY | O_APPEND);
}

static int list_folder(void)
{
    return can_open(folder, O_RDONLY | O_DIRECTORY);
}

static int make_file(void)
{
    char path[128];

    snprintf(path, sizeof path, "%s/made", folder);
    return can_open(path, O_WRONLY | O_CREAT);
}

static int make_folder(void)
{
    char path[128];

    snprintf(path, sizeof path, "%s/folder", folder);
    return outcome(mkdir(path, 0700) == 0 && rmdir(path) == 0);
}

static int rename_file(void)
{
    char path[128];

    snprintf(path, sizeof path, "%s/renamed", folder);
    return outcome(rename(other_file, path) == 0 && rename(path, other_file) == 0);
}

static int open_own_memory(void)
{
    return can_open("/proc/self/mem", O_RDWR);
}

static void test_no_file(void **state)
{
    (void)state;
    walls_need_filters();
    if (SANITIZED)
        skip();
    is_forbidden_by_each(open_other, EPERM, EACCES);
    is_forbidden_by_each(open_passwords, EPERM, EACCES);
    is_forbidden_by_each(write_other, EPERM, EACCES);
    is_forbidden_by_each(list_folder, EPERM, EACCES);
    is_forbidden_by_each(make_file, EPERM, EACCES);
    is_forbidden_by_each(make_folder, EPERM, EACCES);
    is_forbidden_by_each(rename_file, EPERM, EACCES);
    is_forbidden_by_each(open_own_memory, EPERM, EACCES);
}

static int see_a_file(void)
{
    struct stat st;

    return outcome(stat(other_file, &st) == 0);
}

static int see_whether_there_is_a_file(void)
{
    return outcome(access(other_file, F_OK) == 0);
}

/* Landlock does not cover these. */
static void test_no_looking_for_files(void **state)
{
    (void)state;
    walls_need_filters();
    if (SANITIZED)
        skip();
    is_forbidden(see_a_file, EPERM);
    is_forbidden(see_whether_there_is_a_file, EPERM);
}

/* What is open stays usable: what the monitor hands over. */
static int opened = -1;

static int read_what_is_open(void)
{
    char byte;

    return outcome(read(opened, &byte, 1) == 1);
}

static void test_descriptors_that_it_has(void **state)
{
    (void)state;
    opened = open(other_file, O_RDONLY | O_CLOEXEC);
    assert_true(opened >= 0);
    still_works(read_what_is_open);
    close(opened);
}

/* ---- privileges ---- */

/* With an option that is on the list and needs CAP_NET_ADMIN. */
static int mark_a_socket(void)
{
    return outcome(setsockopt(given, SOL_SOCKET, SO_MARK, &(int){1}, sizeof(int)) == 0);
}

static void test_no_capabilities(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    given = socket(AF_INET, SOCK_STREAM, 0);
    if (mark_a_socket() == ENOPROTOOPT) {
        print_message("SO_MARK is not known (qemu-user)\n");
        skip();
    }
    is_forbidden(mark_a_socket, EPERM);
    close(given);
}

/* ---- programs, processes, sockets ---- */

static int fork_one(void)
{
    const pid_t pid = fork();

    if (pid == 0)
        _exit(0);
    return outcome(pid > 0);
}

static int run_program(void)
{
    char *const arguments[] = {script, NULL};

    execv(script, arguments);
    return errno;
}

static int trace_parent(void)
{
    return outcome(ptrace(PTRACE_SEIZE, getppid(), NULL, NULL) == 0);
}

static int read_parent(void)
{
    char copy[sizeof secret] = "";
    const struct iovec here = {copy, sizeof copy}, there = {secret, sizeof secret};

    return outcome(process_vm_readv(getppid(), &here, 1, &there, 1, 0) == (ssize_t)sizeof copy &&
                   strcmp(copy, "of the program's") == 0);
}

static int signal_parent(void)
{
    return outcome(kill(getppid(), 0) == 0);
}

static int signal_parent_by_descriptor(void)
{
    const int fd = (int)syscall(SYS_pidfd_open, getppid(), 0);

    return outcome(fd >= 0 && syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0) == 0);
}

static int map_code(void)
{
    return outcome(mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED);
}

static void test_no_other_process(void **state)
{
    (void)state;
    walls_need_filters();
    prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0); /* else Yama would forbid tracing the parent anyway */
    is_forbidden(read_parent, EPERM);
    is_forbidden(signal_parent, EPERM);
    is_forbidden(signal_parent_by_descriptor, EPERM);
    if (!SANITIZED) {
        walls_assert_status(walls_try(trace_parent, NO_WALLS), WORKS);
        is_forbidden(fork_one, EPERM);
        is_forbidden(map_code, EPERM);
    }
}

static void test_running_or_tracing_ends_the_process(void **state)
{
    int status;

    (void)state;
    walls_need_filters();
    if (SANITIZED)
        skip();
    walls_assert_status(walls_try(run_program, NO_WALLS), 7); /* the script's own status */
    status = walls_try(run_program, ALL_WALLS);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
    status = walls_try(trace_parent, ALL_WALLS);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
}

/* Using up the descriptors must not give anybody a relay with fewer walls. */
static void test_no_walls_no_relay(void **state)
{
    const struct rlimit none = {0, 0};
    int status = 0;
    pid_t pid;

    (void)state;
    walls_need_filters();
    pid = fork();
    if (pid == 0) {
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        _exit(setrlimit(RLIMIT_NOFILE, &none) == 0 && !sandbox_enter(false) ? WORKS : EPERM);
    }
    assert_true(pid > 0 && waitpid(pid, &status, 0) == pid);
    walls_assert_status(status, WORKS);
}

/* ---- what has to work ---- */

static void *set(void *flag)
{
    *(bool *)flag = true;
    return NULL;
}

static int threads_and_epoll(void)
{
    struct epoll_event event = {.events = EPOLLOUT};
    const int epoll = epoll_create1(EPOLL_CLOEXEC);
    const int sockets = given;
    bool done = false;
    pthread_t thread;
    void *memory;

    if (epoll < 0 || sockets < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, sockets, &event) != 0 ||
        epoll_wait(epoll, &event, 1, 1000) != 1)
        return errno;
    if (pthread_create(&thread, NULL, set, &done) != 0 || pthread_join(thread, NULL) != 0 || !done)
        return ECHILD;
    memory = malloc(64 << 20);
    if (!memory)
        return ENOMEM;
    memset(memory, 1, 64 << 20);
    free(memory);
    return 0;
}

static int abort_self(void)
{
    abort();
}

static void test_what_a_session_needs(void **state)
{
    int status;

    (void)state;
    given = socket(AF_UNIX, SOCK_DGRAM, 0);
    assert_true(given >= 0);
    still_works(threads_and_epoll);
    close(given);
    status = walls_try(abort_self, ALL_WALLS);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

/* ---- set-up ---- */

static void put(const char *path, const char *text, mode_t mode)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    chmod(path, mode);
}

static int set_up(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    snprintf(other_file, sizeof other_file, "%s/other", folder);
    snprintf(script, sizeof script, "%s/script", folder);
    put(other_file, "a mailbox", 0600);
    put(script, "#!/bin/sh\nexit 7\n", 0700);
    return 0;
}

static int tear_down(void **state)
{
    static const char *const names[] = {"other", "script", "made"};
    char path[128];

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        unlink(path);
    }
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_file),
        cmocka_unit_test(test_no_looking_for_files),
        cmocka_unit_test(test_descriptors_that_it_has),
        cmocka_unit_test(test_no_capabilities),
        cmocka_unit_test(test_no_other_process),
        cmocka_unit_test(test_running_or_tracing_ends_the_process),
        cmocka_unit_test(test_no_walls_no_relay),
        cmocka_unit_test(test_what_a_session_needs),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
