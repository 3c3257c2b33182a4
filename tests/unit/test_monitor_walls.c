/*
 * The monitor answers, with the user's rights, a worker that may have been taken over. It must be unable to
 * do what it has no use for, and able to do its job.
 */
#include "monitor/walls/walls.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "monitor/files/credentials.h"
#include "monitor/files/log_file.h"
#include "monitor/files/open_named.h"
#include "monitor/messages.h"
#include "monitor/opener.h"
#include "tests/unit/cmocka_all.h"
#include "tests/unit/walls.h"

static char folder[] = "/tmp/retrotls-monitor-XXXXXX", mine[64], there[64];

static int make_folder(void **state)
{
    FILE *file;

    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(mine, sizeof mine, "%s/mine", folder);
    snprintf(there, sizeof there, "%s/there", folder);
    file = fopen(mine, "w");
    assert_non_null(file);
    fputs("mail\n", file);
    return fclose(file);
}

static int remove_folder(void **state)
{
    (void)state;
    unlink(mine);
    unlink(there);
    return rmdir(folder);
}

/* Runs it in a child. Returns the status from wait(2). */
static int try(try_function *act, bool walls)
{
    const pid_t child = fork();
    int status = -1;

    if (child == 0) {
        signal(SIGSYS, SIG_DFL);
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        _exit((!walls || walls_put_up()) && credentials_note_own() ? act() : 200);
    }
    assert_true(child > 0 && waitpid(child, &status, 0) == child);
    return status;
}

static int outcome(bool good)
{
    return good ? 0 : errno;
}

/* ---- what it cannot do ---- */

static int write_over(void)
{
    return outcome(open(mine, O_WRONLY) >= 0);
}

static int read_and_write(void)
{
    return outcome(open(mine, O_RDWR | O_APPEND | O_NOFOLLOW) >= 0);
}

static int empty_by_opening(void)
{
    return outcome(open(mine, O_WRONLY | O_APPEND | O_NOFOLLOW | O_TRUNC) >= 0);
}

static int append_by_a_link(void)
{
    return outcome(open(mine, O_WRONLY | O_APPEND) >= 0);
}

static int make_to_read(void)
{
    return outcome(open(there, O_RDONLY | O_CREAT, 0600) >= 0);
}

static int append_no_more(void)
{
    const int fd = open(mine, O_WRONLY | O_APPEND | O_NOFOLLOW);

    return outcome(fd >= 0 && fcntl(fd, F_SETFL, 0) == 0);
}

static int truncate_it(void)
{
    return outcome(truncate(mine, 5) == 0);
}

static int change_its_mode(void)
{
    return outcome(chmod(mine, 0600) == 0);
}

static int make_a_process(void)
{
    const pid_t child = fork();

    if (child == 0)
        _exit(0);
    return outcome(child > 0);
}

static int signal_another(void)
{
    return outcome(kill(getppid(), 0) == 0);
}

static int tcp_socket(void)
{
    return outcome(socket(AF_INET, SOCK_STREAM, 0) >= 0);
}

static int map_code(void)
{
    return outcome(mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED);
}

static int become_another(void)
{
    return outcome(setresuid(geteuid(), geteuid(), geteuid()) == 0);
}

static void what_it_has_no_use_for_it_cannot_do(void **state)
{
    try_function *const all[] = {write_over,     read_and_write, empty_by_opening, append_by_a_link,
                                 make_to_read,   append_no_more, truncate_it,      change_its_mode,
                                 make_a_process, signal_another, tcp_socket,       map_code,
                                 become_another};

    (void)state;
    walls_need_filters();
    if (SANITIZED)
        skip();
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        /* Each works without the walls. The folder is made anew after each. */
        const int without = try(all[i], false), with = try(all[i], true);

        if (without != 0 || !WIFEXITED(with) || WEXITSTATUS(with) != EPERM)
            fail_msg("%zu: %#x without the walls, %#x behind them", i, (unsigned)without, (unsigned)with);
        remove_folder(NULL);
        strcpy(folder + strlen(folder) - 6, "XXXXXX");
        make_folder(NULL);
    }
}

static long number;

static int call(void)
{
    return syscall(number, -1L, -1L, -1L, -1L, -1L, -1L) < 0 ? errno : 0;
}

static void nor_make_other_calls(void **state)
{
    static const long numbers[] = {SYS_openat2,
                                   SYS_unlinkat,
                                   SYS_renameat2,
                                   SYS_linkat,
                                   SYS_symlinkat,
                                   SYS_mkdirat,
                                   SYS_mknodat,
                                   SYS_fchmodat,
                                   SYS_fchownat,
                                   SYS_ftruncate,
                                   SYS_pwrite64,
                                   SYS_connect,
                                   SYS_listen,
                                   SYS_accept4,
                                   SYS_socketpair,
                                   SYS_kill,
                                   SYS_tkill,
                                   SYS_pidfd_getfd,
                                   SYS_mount,
                                   SYS_umount2,
                                   SYS_chroot,
                                   SYS_unshare,
                                   SYS_setns,
                                   SYS_setuid,
                                   SYS_setgid,
                                   SYS_bpf,
                                   SYS_keyctl,
                                   SYS_perf_event_open,
                                   SYS_userfaultfd,
                                   SYS_io_uring_setup,
                                   SYS_memfd_create,
                                   SYS_process_vm_readv,
                                   SYS_init_module,
                                   SYS_prctl,
                                   SYS_seccomp,
                                   SYS_process_vm_writev,
                                   SYS_pidfd_send_signal,
                                   SYS_open_by_handle_at,
                                   SYS_setrlimit,
                                   SYS_sendmmsg};

    (void)state;
    walls_need_filters();
    if (SANITIZED)
        skip();
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        int status;

        number = numbers[i];
        status = try(call, true);
        if (!WIFEXITED(status) || WEXITSTATUS(status) != EPERM)
            fail_msg("system call %ld: status %#x", number, (unsigned)status);
    }
}

static int run_a_program(void)
{
    execl("/bin/true", "true", (char *)NULL);
    return errno;
}

static void running_a_program_ends_it(void **state)
{
    int status;

    (void)state;
    walls_need_filters();
    if (SANITIZED)
        skip();
    status = try(run_a_program, true);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
}

/* ---- what it can do ---- */

static bool reads(const struct credentials *rights)
{
    int error;
    const int fd = open_named(rights, mine, &error);
    char text[8];

    return fd >= 0 && read(fd, text, sizeof text) == 5 && memcmp(text, "mail\n", 5) == 0;
}

static int serve(void)
{
    struct credentials *const own = credentials_own();
    int files[1];
    struct file_state state;

    if (!own || !reads(own) || open_hashed(own, folder, 1, ROOTS_CERTIFICATES, files, 1) != 0)
        return 1;
    state_of_named(mine, &state);
    if (state.size != 5 || log_file_open(own, mine) < 0 || log_file_open(own, there) < 0)
        return 2;
    log_line(own, "syslog", -1, false, "test=monitor-walls", 18);
    return 0;
}

static void what_it_is_for_it_can(void **state)
{
    const int status = try(serve, true);

    (void)state;
    assert_int_equal(status, 0);
}

/* Asks an opener. Returns its error, or -100 if it ends the channel. */
static int asked(int opener, uint32_t kind)
{
    const struct monitor_head head = {.kind = kind, .grant = 1};
    static struct monitor_answer_head answer;

    if (send(opener, &head, sizeof head, MSG_NOSIGNAL) != sizeof head)
        return -100;
    return recv(opener, &answer, sizeof answer, 0) == sizeof answer ? answer.error : -100;
}

/* An opener answers only questions that may hang, and there is a limit to how many there are. */
static int openers(void)
{
    static const uint32_t others[] = {0,
                                      MONITOR_TAKE,
                                      MONITOR_SIGN,
                                      MONITOR_BIND,
                                      MONITOR_OPTION,
                                      MONITOR_END,
                                      MONITOR_PARENT,
                                      MONITOR_OPENER,
                                      99};
    int fd[OPENERS_LIMIT], more;

    for (size_t i = 0; i < OPENERS_LIMIT; i++) {
        if (opener_start(&fd[i]) != 0)
            return 1;
    }
    if (opener_start(&more) != EAGAIN)
        return 2;
    for (size_t i = 0; i < OPENERS_LIMIT; i++) {
        if (asked(fd[i], MONITOR_FILE) != EPERM || asked(fd[i], MONITOR_STATE) != EPERM)
            return 3;
    }
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        if (asked(fd[i], others[i]) != -100)
            return 4;
    }
    return 0;
}

static void it_starts_openers(void **state)
{
    (void)state;
    assert_int_equal(try(openers, true), 0);
}

/* ---- capabilities ---- */

enum { OTHER = 65534 };

static int take_on_another(void)
{
    struct credentials other = {.user = OTHER, .group = OTHER};
    struct credentials *const own = credentials_own();
    int error;

    if (!own)
        return 1;
    if (open_named(&other, mine, &error) >= 0 || error != EACCES)
        return 2;
    return reads(own) ? 0 : 3;
}

static const struct credentials other_rights = {.user = OTHER, .group = OTHER};

static void *take_on(void *between)
{
    if (!credentials_take_on(&other_rights))
        return NULL;
    pthread_barrier_wait(between); /* the other thread has the rights */
    pthread_barrier_wait(between); /* the other thread has read */
    return open(mine, O_RDONLY) < 0 && errno == EACCES ? between : NULL;
}

/* While one thread has another user's rights, this one keeps its own. */
static int rights_of_each_thread(void)
{
    pthread_barrier_t between;
    pthread_t thread;
    void *good = NULL;
    bool own;

    if (pthread_barrier_init(&between, NULL, 2) != 0 || pthread_create(&thread, NULL, take_on, &between) != 0)
        return 1;
    pthread_barrier_wait(&between);
    own = open(mine, O_RDONLY) >= 0;
    pthread_barrier_wait(&between);
    return pthread_join(thread, &good) == 0 && good && own ? 0 : 2;
}

static int rights_left(void)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {{0}};
    const uint32_t mask = 1U << CAP_DAC_OVERRIDE | 1U << CAP_DAC_READ_SEARCH | 1U << CAP_SETGID |
                          1U << CAP_SETUID | 1U << CAP_SYS_PTRACE | 1U << CAP_NET_ADMIN | 1U << CAP_NET_RAW;

    return syscall(SYS_capget, &head, data) == 0 && (data[0].permitted & ~mask) == 0 &&
                   data[1].permitted == 0 && (data[0].effective & ~mask) == 0 && data[0].inheritable == 0
               ? 0
               : 1;
}

static void root_takes_on_a_programs_rights_and_keeps_few_of_its_own(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    assert_int_equal(chmod(folder, 0711), 0);
    assert_int_equal(chmod(mine, 0600), 0);
    assert_int_equal(try(take_on_another, true), 0);
    assert_int_equal(try(rights_of_each_thread, true), 0);
    assert_int_equal(try(rights_left, true), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_it_has_no_use_for_it_cannot_do),
        cmocka_unit_test(nor_make_other_calls),
        cmocka_unit_test(running_a_program_ends_it),
        cmocka_unit_test(what_it_is_for_it_can),
        cmocka_unit_test(it_starts_openers),
        cmocka_unit_test(root_takes_on_a_programs_rights_and_keeps_few_of_its_own),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
