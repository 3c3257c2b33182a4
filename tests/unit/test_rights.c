/*
 * The relay has the rights of the user who started it. A program that gave up those rights still has its
 * token. So the monitor opens files with the rights that the program has when it asks: the relay does nothing
 * for the program that it may not do itself.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "monitor/files/credentials.h"
#include "monitor/files/open_named.h"
#include "tests/unit/cmocka_all.h"
#include "tests/unit/request_peer.h"

enum { OTHER = 65534 };

/* The log at `path` after a connection whose policy names it. NULL: there is no log. */
static char *logged_by(uid_t user, const char *path)
{
    struct request_made m;
    FILE *log;
    char *text = NULL;
    size_t size = 0;

    request_make(&m);
    m.request.settings.log = path;
    request_user = user;
    assert_int_equal(request_hand_over(&m), 0);
    request_user = geteuid();
    request_close_relays_side(&m);
    assert_int_equal(send(m.server, "* BYE busy\r\n", 12, 0), 12);
    request_expect_text(m.program, "* BYE retrotls: ");
    request_unmake(&m);
    log = fopen(path, "r");
    if (log) {
        assert_true(getdelim(&text, &size, '\0', log) > 0);
        fclose(log);
    }
    return text;
}

static void fill(const char *path, uid_t user, gid_t group, mode_t mode)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    fputs("mail\n", file);
    fclose(file);
    assert_int_equal(chown(path, user, group), 0);
    assert_int_equal(chmod(path, mode), 0);
}

/* Root's relay, and a program that has become another user, which must not get a line into root's own log. */
static void another_user_writes_what_it_may(void **state)
{
    char folder[] = "/tmp/retrotls-log-XXXXXX", roots[64], its[64], *text;

    (void)state;
    if (geteuid() != 0)
        skip();
    assert_non_null(mkdtemp(folder));
    assert_int_equal(chmod(folder, 0711), 0);
    snprintf(roots, sizeof roots, "%s/roots", folder);
    snprintf(its, sizeof its, "%s/its", folder);
    fill(roots, 0, 0, 0600);
    fill(its, OTHER, OTHER, 0600);
    text = logged_by(OTHER, roots);
    assert_string_equal(text, "mail\n");
    free(text);
    text = logged_by(OTHER, its);
    assert_non_null(strstr(text, "result=failed"));
    free(text);
    unlink(its);
    assert_null(logged_by(OTHER, its)); /* only root may create files there */
    text = logged_by(geteuid(), roots);
    assert_non_null(strstr(text, "result=failed"));
    free(text);
    unlink(roots);
    rmdir(folder);
}

/* ---- what the kernel reports about a peer ---- */

/* Changes the process's rights. Runs in a child of root's. */
typedef bool become_function(void);

static const struct sockaddr_un *address(socklen_t *length)
{
    static struct sockaddr_un name = {.sun_family = AF_UNIX};

    *length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
                          (size_t)snprintf(name.sun_path + 1, sizeof name.sun_path - 1,
                                           "retrotls test rights %d", (int)getpid()));
    return &name;
}

/* Forks a child that changes its rights, connects, and lives until the connection is closed. */
static int connection_of(become_function *become, pid_t *child)
{
    const int listener = socket(AF_UNIX, SOCK_SEQPACKET, 0);
    socklen_t length;
    const struct sockaddr_un *const name = address(&length);
    int connection;

    assert_int_equal(bind(listener, (const struct sockaddr *)name, length), 0);
    assert_int_equal(listen(listener, 1), 0);
    *child = fork();
    if (*child == 0) {
        const int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
        char byte;

        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (!become() || connect(fd, (const struct sockaddr *)name, length) != 0)
            _exit(1);
        _exit(recv(fd, &byte, 1, 0) == 0 ? 0 : 1);
    }
    connection = accept(listener, NULL, NULL);
    close(listener);
    assert_true(connection >= 0);
    return connection;
}

/* Opens the file with that program's rights. Returns 0 or an errno. */
static int opened_for(become_function *become, const char *path)
{
    pid_t child;
    const int connection = connection_of(become, &child);
    struct credentials *const rights = credentials_of_peer(connection);
    int error, status, fd, own;

    assert_non_null(rights);
    fd = open_named(rights, path, &error);
    if (fd >= 0)
        close(fd);
    free(rights);
    close(connection);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    /* Afterwards this process has its own rights again. */
    own = open("/etc/shadow", O_RDONLY | O_CLOEXEC);
    assert_true(own >= 0 && geteuid() == 0 && setfsuid((uid_t)-1) == 0);
    close(own);
    return error;
}

enum { MAIL = 8, SOMEBODY = 12345 };

static bool become(const gid_t *groups, size_t count, gid_t group, uid_t user)
{
    return setgroups(count, groups) == 0 && setresgid(group, group, group) == 0 &&
           setresuid(user, user, user) == 0;
}

static bool with_supplementary_group(void)
{
    return become((const gid_t[]){MAIL, 77}, 2, SOMEBODY, SOMEBODY);
}

static bool with_effective_group(void)
{
    return become(NULL, 0, MAIL, SOMEBODY);
}

/* Like a setgid program that gives up its group once it has its lock. Root's relay has what it gave up. */
static bool with_group_given_up(void)
{
    return become(NULL, 0, SOMEBODY, SOMEBODY);
}

static bool with_root_alone(void)
{
    return true;
}

static bool without_capabilities(void)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    const struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {{0}};

    return syscall(SYS_capset, &head, none) == 0;
}

/* Has all capabilities, but for no file outside its namespace. */
static bool in_a_namespace_of_users(void)
{
    return unshare(CLONE_NEWUSER) == 0;
}

static void groups_are_those_of_now(void **state)
{
    char path[] = "/tmp/retrotls-rights-XXXXXX";

    (void)state;
    if (geteuid() != 0)
        skip();
    close(mkstemp(path));
    fill(path, 0, MAIL, 0640);
    assert_int_equal(opened_for(with_supplementary_group, path), 0);
    assert_int_equal(opened_for(with_effective_group, path), 0);
    assert_int_equal(opened_for(with_group_given_up, path), EACCES);
    unlink(path);
}

static void capabilities_are_those_of_now(void **state)
{
    char path[] = "/tmp/retrotls-rights-XXXXXX";

    (void)state;
    if (geteuid() != 0)
        skip();
    close(mkstemp(path));
    fill(path, SOMEBODY, SOMEBODY, 0600);
    assert_int_equal(opened_for(with_root_alone, path), 0);
    assert_int_equal(opened_for(without_capabilities, path), EACCES);
    fill(path, 0, 0, 0600);
    assert_int_equal(opened_for(without_capabilities, path), 0); /* the file's owner */
    unlink(path);
}

/* A process with several threads cannot enter one (unshare(2)), and qemu-user has a thread of its own. */
static bool can_enter_a_namespace_of_users(void)
{
    int status;
    const pid_t child = fork();

    if (child == 0)
        _exit(in_a_namespace_of_users() ? 0 : 1);
    assert_int_equal(waitpid(child, &status, 0), child);
    return status == 0;
}

static void capabilities_of_a_namespace_of_users_count_for_nothing(void **state)
{
    char path[] = "/tmp/retrotls-rights-XXXXXX";

    (void)state;
    if (geteuid() != 0)
        skip();
    if (!can_enter_a_namespace_of_users()) {
        print_message("a process cannot enter a namespace of users here\n");
        skip();
    }
    close(mkstemp(path));
    fill(path, SOMEBODY, SOMEBODY, 0600);
    assert_int_equal(opened_for(in_a_namespace_of_users, path), EACCES);
    unlink(path);
}

/* ---- options ---- */

/* What a program asks of its TCP socket is done with its rights, not with the relay's. */
static void options_that_ask_for_rights_have_those_of_the_program(void **state)
{
    static const struct {
        become_function *become;
        int error;
    } programs[] = {{with_root_alone, 0}, {without_capabilities, EPERM}, {with_group_given_up, EPERM}};
    const int tcp = socket(AF_INET, SOCK_STREAM, 0);

    (void)state;
    if (geteuid() != 0)
        skip();
    if (setsockopt(tcp, SOL_SOCKET, SO_MARK, &(int){0}, sizeof(int)) != 0 && errno == ENOPROTOOPT) {
        print_message("SO_MARK is not known (qemu-user)\n");
        skip();
    }
    for (size_t i = 0; i < sizeof programs / sizeof *programs; i++) {
        pid_t child;
        const int connection = connection_of(programs[i].become, &child);
        struct credentials *const rights = credentials_of_peer(connection);
        int result;

        assert_non_null(rights);
        assert_true(credentials_take_on(rights));
        result = setsockopt(tcp, SOL_SOCKET, SO_MARK, &(int){7}, sizeof(int)) == 0 ? 0 : errno;
        credentials_return();
        assert_int_equal(result, programs[i].error);
        free(rights);
        close(connection);
        waitpid(child, NULL, 0);
    }
    close(tcp);
}

/* An ordinary user's relay has no rights to lend, and cannot become another user. */
static int as_an_ordinary_user(void)
{
    struct credentials *const own = credentials_own();
    int error, fd;

    if (!become(NULL, 0, SOMEBODY, SOMEBODY) || !credentials_note_own())
        return -1;
    fd = open_named(own, "/etc/passwd", &error); /* needs root's rights */
    return fd >= 0 ? -1 : error;
}

static void rights_that_cannot_be_taken_on_open_nothing(void **state)
{
    int status;
    pid_t child;

    (void)state;
    if (geteuid() != 0)
        skip();
    child = fork();
    if (child == 0)
        _exit(as_an_ordinary_user() == EPERM ? 0 : 1);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

/*
 * The program's number may be another process's by now. Here it is still that of the dead process, which had
 * all capabilities.
 */
static void a_program_that_has_ended_has_no_capabilities(void **state)
{
    pid_t child;
    int connection;
    struct credentials *rights;
    siginfo_t ended;

    (void)state;
    if (geteuid() != 0)
        skip();
    connection = connection_of(with_root_alone, &child);
    rights = credentials_of_peer(connection);
    assert_true(rights && rights->capabilities != 0);
    free(rights);
    assert_int_equal(send(connection, "", 1, MSG_NOSIGNAL), 1);
    assert_int_equal(waitid(P_PID, (id_t)child, &ended, WEXITED | WNOWAIT), 0);
    rights = credentials_of_peer(connection);
    assert_true(!rights || rights->capabilities == 0);
    free(rights);
    close(connection);
    assert_int_equal(waitpid(child, NULL, 0), child);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(another_user_writes_what_it_may),
        cmocka_unit_test(groups_are_those_of_now),
        cmocka_unit_test(capabilities_are_those_of_now),
        cmocka_unit_test(capabilities_of_a_namespace_of_users_count_for_nothing),
        cmocka_unit_test(options_that_ask_for_rights_have_those_of_the_program),
        cmocka_unit_test(rights_that_cannot_be_taken_on_open_nothing),
        cmocka_unit_test(a_program_that_has_ended_has_no_capabilities),
    };

    return cmocka_run_group_tests(tests, request_start, NULL);
}
