/*
 * A relay that was started ahead stays as long as somebody of the family is there, which a mapped page shows
 * without a word: after fork(2), after the first one has ended, but not after exec(2).
 */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "relay/members.h"
#include "tests/unit/cmocka_all.h"

static int make_file(void)
{
    const int file = memfd_create("members", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    assert_true(file >= 0);
    return file;
}

static void *map_file(int file)
{
    void *const page = mmap(NULL, 4096, PROT_NONE, MAP_SHARED, file, 0);

    assert_ptr_not_equal(page, MAP_FAILED);
    return page;
}

static void await_none(void)
{
    while (members_remain())
        usleep(1000);
}

static void a_mapping_makes_a_member(void **state)
{
    const int file = make_file();
    void *const page = map_file(file);

    (void)state;
    assert_true(members_take(file));
    assert_true(fcntl(file, F_GETFD) & FD_CLOEXEC);
    assert_true(members_remain());
    munmap(page, 4096);
    assert_false(members_remain());
    assert_false(members_remain());
}

/* A descriptor that happens to be open is no such file. */
static void what_is_no_such_file_is_not_taken(void **state)
{
    const int null = open("/dev/null", O_RDWR);

    (void)state;
    assert_false(members_take(null));
    assert_false(members_take(999));
    assert_false(members_remain());
    close(null);
}

/* The child ends once its own child holds what it inherited. */
static void a_childs_child_is_one_until_it_executes_a_program(void **state)
{
    const int file = make_file();
    int go[2], status;
    pid_t child;
    char byte = 0;

    (void)state;
    assert_int_equal(pipe2(go, 0), 0);
    child = fork();
    if (child == 0) {
        map_file(file);
        close(file);
        if (fork() == 0) {
            close(go[1]);
            if (read(go[0], &byte, 1) != 1)
                _exit(1);
            dup2(go[0], STDIN_FILENO); /* it ends with this test */
            execl("/bin/sh", "sh", "-c", "read line", NULL);
            _exit(1);
        }
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(members_take(file));
    assert_true(members_remain());
    assert_int_equal(write(go[1], "x", 1), 1);
    await_none();
    close(go[0]);
    close(go[1]);
}

static int listener_at(struct sockaddr *name, socklen_t *length)
{
    const int listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0);

    *name = (struct sockaddr){.sa_family = AF_UNIX};
    assert_int_equal(bind(listener, name, sizeof(sa_family_t)), 0); /* the kernel chooses: unix(7) */
    assert_int_equal(getsockname(listener, name, length), 0);
    assert_int_equal(listen(listener, 1), 0);
    return listener;
}

static void it_waits_for_the_first_request_or_the_last_member(void **state)
{
    const int file = make_file();
    struct sockaddr name;
    socklen_t length = sizeof name;
    const int listener = listener_at(&name, &length), asker = socket(AF_UNIX, SOCK_SEQPACKET, 0);
    const pid_t owner = fork();

    (void)state;
    if (owner == 0) {
        map_file(file);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (;;)
            pause();
    }
    assert_true(members_take(file));
    assert_int_equal(connect(asker, &name, length), 0);
    assert_true(members_await_first(listener, owner));
    close(accept(listener, NULL, NULL));
    close(asker);
    kill(owner, SIGKILL);
    assert_false(members_await_first(listener, owner));
    assert_int_equal(waitpid(owner, NULL, 0), owner);
    close(listener);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_mapping_makes_a_member),
        cmocka_unit_test(what_is_no_such_file_is_not_taken),
        cmocka_unit_test(a_childs_child_is_one_until_it_executes_a_program),
        cmocka_unit_test(it_waits_for_the_first_request_or_the_last_member),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
