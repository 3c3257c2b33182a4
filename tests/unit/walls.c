#include "tests/unit/walls.h"

#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "relay/log.h"
#include "relay/sandbox.h"
#include "tests/unit/cmocka_all.h"

enum { CANNOT_START = 200 };

struct attempt {
    try_function *act;
    struct settings settings;
    bool walls;
};

static void *in_thread(void *argument)
{
    const struct attempt *const a = argument;
    struct connection c = {.log = -1, .request.settings = a->settings};
    struct domain domain;

    if (a->walls) {
        sandbox_plan(&domain, &c);
        if (!sandbox_enter_domain(&domain, &c))
            _exit(CANNOT_START);
    }
    /* A line for the log, which it may have opened before. */
    if (a->settings.log)
        log_warning(a->settings.log, c.log, "a line");
    _exit(a->act());
}

static _Noreturn void child(struct attempt *a)
{
    pthread_t thread;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGSYS, SIG_DFL); /* cmocka catches these; no relay does */
    signal(SIGSEGV, SIG_DFL);
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (a->walls && !sandbox_enter(false))
        _exit(CANNOT_START);
    if (pthread_create(&thread, NULL, in_thread, a) != 0)
        _exit(CANNOT_START);
    pthread_join(thread, NULL);
    _exit(CANNOT_START);
}

int walls_try(try_function *act, const struct settings *settings, bool walls)
{
    struct attempt a = {.act = act, .walls = walls};
    int status = 0;
    pid_t pid;

    if (settings)
        a.settings = *settings;
    pid = fork();
    if (pid == 0)
        child(&a);
    assert_true(pid > 0 && waitpid(pid, &status, 0) == pid);
    return status;
}

void walls_assert_status(int status, int expected)
{
    if (!WIFEXITED(status) || WEXITSTATUS(status) != expected)
        fail_msg("status %#x, and not exit %d (%s)", status, expected, strerror(expected));
}

void is_forbidden_with(try_function *act, const struct settings *settings, int error)
{
    walls_assert_status(walls_try(act, settings, false), WORKS);
    walls_assert_status(walls_try(act, settings, true), error);
}

void is_forbidden(try_function *act, int error)
{
    is_forbidden_with(act, NULL, error);
}

void still_works(try_function *act, const struct settings *settings)
{
    walls_assert_status(walls_try(act, settings, true), WORKS);
}
