#include "tests/unit/walls.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "relay/sandbox/landlock.h"
#include "relay/sandbox/sandbox.h"
#include "relay/sandbox/seccomp.h"
#include "tests/unit/cmocka_all.h"

enum { CANNOT_START = 200 };

bool walls_can_filter(void)
{
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, NULL, 0, 0) == -1 && errno == EFAULT;
}

void walls_need_filters(void)
{
    if (walls_can_filter())
        return;
    print_message("there are no filters of system calls\n");
    skip();
}

static void *in_thread(void *act)
{
    _exit(((try_function *)(uintptr_t)act)());
}

static bool put_up(enum walls walls)
{
    switch (walls) {
    case ALL_WALLS:
        return sandbox_enter(false);
    case SECCOMP_ALONE:
        return seccomp_shut() == 0;
    case LANDLOCK_ALONE:
        return landlock_shut() == 0;
    default:
        return true;
    }
}

static _Noreturn void child(try_function *act, enum walls walls)
{
    pthread_t thread;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGSYS, SIG_DFL); /* cmocka catches these; the relay does not */
    signal(SIGSEGV, SIG_DFL);
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (!put_up(walls) || pthread_create(&thread, NULL, in_thread, (void *)(uintptr_t)act) != 0)
        _exit(CANNOT_START);
    pthread_join(thread, NULL);
    _exit(CANNOT_START);
}

int walls_try(try_function *act, enum walls walls)
{
    int status = 0;
    pid_t pid;

    pid = fork();
    if (pid == 0)
        child(act, walls);
    assert_true(pid > 0 && waitpid(pid, &status, 0) == pid);
    return status;
}

void walls_assert_status(int status, int expected)
{
    if (!WIFEXITED(status) || WEXITSTATUS(status) != expected)
        fail_msg("status %#x, and not exit %d (%s)", (unsigned)status, expected, strerror(expected));
}

void is_forbidden(try_function *act, int error)
{
    walls_assert_status(walls_try(act, NO_WALLS), WORKS);
    walls_assert_status(walls_try(act, ALL_WALLS), error);
}

void is_forbidden_by_each(try_function *act, int by_seccomp, int by_landlock)
{
    is_forbidden(act, by_seccomp);
    walls_assert_status(walls_try(act, SECCOMP_ALONE), by_seccomp);
    if (landlock_version() > 0)
        walls_assert_status(walls_try(act, LANDLOCK_ALONE), by_landlock);
}

void still_works(try_function *act)
{
    walls_assert_status(walls_try(act, ALL_WALLS), WORKS);
}
