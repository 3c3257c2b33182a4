/*
 * The walls from inside: what a thread that serves a connection can do no more, and what it still can. Each
 * test runs in a child that shuts itself in as the relay does; what works there first is shown to work
 * without.
 */
#include <errno.h>
#include <fcntl.h>
#include <openssl/x509.h>
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

#include "relay/domain.h"
#include "relay/landlock.h"
#include "relay/sandbox.h"
#include "tests/unit/cmocka_all.h"
#include "tests/unit/walls.h"

static char folder[] = "/tmp/retrotls-sandbox-XXXXXX";
static char ca_file[64], other_file[64], log_file[64], ca_dir[64], script[64];
static char secret[] = "of the program's"; /* in the parent */

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

static int open_ca_file(void)
{
    return can_open(ca_file, O_RDONLY);
}

static int write_ca_file(void)
{
    return can_open(ca_file, O_WRONLY);
}

static int list_folder(void)
{
    return can_open(folder, O_RDONLY | O_DIRECTORY);
}

static int open_linked(void)
{
    char path[128];

    snprintf(path, sizeof path, "%s/linked.pem", ca_dir);
    return can_open(path, O_RDONLY);
}

static int make_file(void)
{
    char path[128];

    snprintf(path, sizeof path, "%s/made", folder);
    return can_open(path, O_WRONLY | O_CREAT);
}

static int open_log(void)
{
    return can_open(log_file, O_WRONLY | O_APPEND);
}

static int open_own_memory(void)
{
    return can_open("/proc/self/mem", O_RDWR);
}

static int open_trust_store(void)
{
    X509_STORE *store = X509_STORE_new();
    char first[512] = "";
    FILE *names;

    /* Any file of it. */
    snprintf(first, sizeof first, "%s/%s", X509_get_default_cert_dir(), "ca-certificates.crt");
    names = fopen(first, "r");
    if (!names || X509_STORE_load_path(store, X509_get_default_cert_dir()) != 1)
        return errno ? errno : EIO;
    fclose(names);
    X509_STORE_free(store);
    return 0;
}

static const struct settings *settings_of(const char *file, const char *dir, const char *log)
{
    static struct settings s;

    s = (struct settings){.level = LEVEL_SECURE, .ca_file = file, .ca_dir = dir, .log = log};
    return &s;
}

static void test_no_other_file(void **state)
{
    (void)state;
    is_forbidden_with(open_other, settings_of(ca_file, NULL, NULL), EACCES);
    is_forbidden_with(open_passwords, settings_of(ca_file, NULL, NULL), EACCES);
    is_forbidden_with(write_ca_file, settings_of(ca_file, NULL, NULL), EACCES);
    is_forbidden_with(list_folder, settings_of(ca_file, NULL, NULL), EACCES);
    is_forbidden_with(make_file, settings_of(ca_file, NULL, NULL), EACCES);
    is_forbidden(open_own_memory, EACCES);
}

static void test_trust_store_where_it_is_asked_for(void **state)
{
    (void)state;
    if (access("/etc/ssl/certs/ca-certificates.crt", R_OK) != 0)
        skip();
    still_works(open_trust_store, settings_of(NULL, NULL, NULL));
    is_forbidden_with(open_trust_store, settings_of(ca_file, NULL, NULL), EACCES);
}

static void test_files_of_its_own_settings(void **state)
{
    struct settings s = {.level = LEVEL_ENCRYPT};

    (void)state;
    still_works(open_ca_file, settings_of(ca_file, NULL, NULL));
    still_works(open_ca_file, settings_of(NULL, folder, NULL));
    s.crl_file = ca_file;
    still_works(open_ca_file, &s);
    s = (struct settings){.level = LEVEL_ENCRYPT, .client_cert = other_file, .client_key = ca_file};
    still_works(open_ca_file, &s);
    still_works(open_other, &s);
}

static void test_folder_whose_links_lead_out_of_it(void **state)
{
    (void)state;
    still_works(open_linked, settings_of(NULL, ca_dir, NULL));
    is_forbidden_with(open_ca_file, settings_of(NULL, ca_dir, NULL), EACCES);
}

static void test_missing_files_forbid_nothing_else(void **state)
{
    struct settings s = *settings_of(ca_file, NULL, NULL);

    (void)state;
    s.crl_file = "/nonexistent/crl";
    still_works(open_ca_file, &s);
}

static int log_has_a_line(void)
{
    struct stat st;

    return outcome(stat(log_file, &st) == 0 && st.st_size > 0);
}

static void test_log_is_written_but_not_opened(void **state)
{
    (void)state;
    unlink(log_file);
    still_works(log_has_a_line, settings_of(ca_file, NULL, log_file));
    is_forbidden_with(open_log, settings_of(ca_file, NULL, log_file), EACCES);
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
    prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0); /* Yama, or its parent could not be traced anyhow */
    is_forbidden(read_parent, EPERM);
    is_forbidden(signal_parent, EPERM);
    is_forbidden(signal_parent_by_descriptor, EPERM);
#ifndef RETROTLS_SANITIZED
    walls_assert_status(walls_try(trace_parent, NULL, false), WORKS);
    is_forbidden(fork_one, EPERM);
    is_forbidden(map_code, EPERM);
#endif
}

static void test_running_or_tracing_ends_the_process(void **state)
{
#ifdef RETROTLS_SANITIZED
    (void)state;
    skip(); /* seccomp.c tells why */
#else
    int status;

    (void)state;
    walls_assert_status(walls_try(run_program, NULL, false), 7); /* the script's own */
    status = walls_try(run_program, NULL, true);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
    status = walls_try(trace_parent, NULL, true);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
#endif
}

/* Whoever has used up the descriptors must not meet a relay with fewer walls. */
static void test_no_walls_no_relay(void **state)
{
    const struct rlimit none = {0, 0};
    int status = 0;
    pid_t pid;

    (void)state;
    pid = fork();
    if (pid == 0) {
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        _exit(setrlimit(RLIMIT_NOFILE, &none) == 0 && !sandbox_enter(false) ? WORKS : EPERM);
    }
    assert_true(pid > 0 && waitpid(pid, &status, 0) == pid);
    walls_assert_status(status, WORKS);
}

/* ---- what has to go on ---- */

static void *set(void *flag)
{
    *(bool *)flag = true;
    return NULL;
}

static int threads_and_epoll(void)
{
    struct epoll_event event = {.events = EPOLLOUT};
    const int epoll = epoll_create1(EPOLL_CLOEXEC);
    const int sockets = socket(AF_UNIX, SOCK_DGRAM, 0);
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
    still_works(threads_and_epoll, NULL);
    status = walls_try(abort_self, NULL, true);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

/* ---- threads that serve again ---- */

static void test_a_replaced_file_is_another_domain(void **state)
{
    struct settings s = *settings_of(other_file, NULL, NULL);
    struct domain before, same, after;
    char fresh[128];
    FILE *file;

    (void)state;
    domain_of(&before, &s);
    domain_of(&same, &s);
    assert_true(domain_is_same(&before, &same));
    snprintf(fresh, sizeof fresh, "%s/fresh", folder);
    file = fopen(fresh, "w");
    assert_non_null(file);
    fclose(file);
    assert_int_equal(rename(fresh, other_file), 0);
    domain_of(&after, &s);
    assert_false(domain_is_same(&before, &after));
    s.ca_file = ca_file;
    domain_of(&same, &s);
    assert_false(domain_is_same(&same, &after));
}

/* ---- */

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
    char link_name[128];

    (void)state;
    if (!mkdtemp(folder))
        return -1;
    snprintf(ca_file, sizeof ca_file, "%s/ca.pem", folder);
    snprintf(other_file, sizeof other_file, "%s/other", folder);
    snprintf(log_file, sizeof log_file, "%s/log", folder);
    snprintf(ca_dir, sizeof ca_dir, "%s/roots", folder);
    snprintf(script, sizeof script, "%s/script", folder);
    put(ca_file, "a root", 0600);
    put(other_file, "a mailbox", 0600);
    put(log_file, "", 0600);
    put(script, "#!/bin/sh\nexit 7\n", 0700);
    if (mkdir(ca_dir, 0700) != 0)
        return -1;
    snprintf(link_name, sizeof link_name, "%s/linked.pem", ca_dir);
    return symlink(other_file, link_name);
}

static int tear_down(void **state)
{
    static const char *const names[] = {"roots/linked.pem", "ca.pem", "other", "log", "script", "made"};
    char path[128];

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        unlink(path);
    }
    rmdir(ca_dir);
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_other_file),
        cmocka_unit_test(test_trust_store_where_it_is_asked_for),
        cmocka_unit_test(test_files_of_its_own_settings),
        cmocka_unit_test(test_folder_whose_links_lead_out_of_it),
        cmocka_unit_test(test_missing_files_forbid_nothing_else),
        cmocka_unit_test(test_log_is_written_but_not_opened),
        cmocka_unit_test(test_no_other_process),
        cmocka_unit_test(test_running_or_tracing_ends_the_process),
        cmocka_unit_test(test_no_walls_no_relay),
        cmocka_unit_test(test_what_a_session_needs),
        cmocka_unit_test(test_a_replaced_file_is_another_domain),
    };

    if (landlock_version() == 0) {
        puts("this kernel has no Landlock: nothing to test");
        return 0;
    }
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
