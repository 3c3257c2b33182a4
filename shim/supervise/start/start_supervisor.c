#include "supervise/start/start_supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "supervise/start/front.h"
#include "supervise/start/notify_filter.h"
#include "wire/supervisor_probe.h"

#ifndef SYS_close_range
#    define SYS_close_range 436
#endif

/* `front` and `program` are set if the supervisor is the program's parent; otherwise they are -1 and 0. */
static _Noreturn void become_supervisor(const char *path, int end, int front, pid_t program)
{
    char number[16];
    char *const arguments[] = {(char *)"retrotls-supervise", program ? number : NULL, NULL};
    const int null = open("/dev/null", O_RDWR);

    snprintf(number, sizeof number, "%d", (int)program);
    /* Move `end` and `front` out of the way: they may have one of the numbers that we set below. */
    end = fcntl(end, F_DUPFD, HANDOVER_FRONT + 1);
    front = program ? fcntl(front, F_DUPFD, HANDOVER_FRONT + 1) : null;
    if (null < 0 || end < 0 || front < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0 ||
        dup2(null, STDERR_FILENO) < 0 || dup2(end, HANDOVER_NUMBER) < 0 || dup2(front, HANDOVER_FRONT) < 0 ||
        syscall(SYS_close_range, HANDOVER_FRONT + 1, UINT32_MAX, 0) != 0)
        _exit(EXIT_FAILURE);
    unsetenv("LD_PRELOAD");
    execv(path, arguments);
    _exit(EXIT_FAILURE);
}

/* Forks twice, so that the supervisor is not the program's child. */
static bool spawn(const char *path, int end)
{
    const pid_t between = fork();

    if (between < 0)
        return false;
    if (between == 0) {
        setsid();
        if (fork() == 0)
            become_supervisor(path, end, -1, 0);
        _exit(EXIT_SUCCESS);
    }
    while (waitpid(between, NULL, 0) < 0 && errno == EINTR)
        ;
    return true;
}

static bool spawn_as_nobodys_child(const char *path, int end)
{
    int subreaper = 0;
    bool good;

    /* With a subreaper (prctl(2)), the supervisor would become the subreaper's child. */
    if (prctl(PR_GET_CHILD_SUBREAPER, &subreaper, 0, 0, 0) == 0 && subreaper)
        prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0);
    good = spawn(path, end);
    if (subreaper)
        prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    return good;
}

static void explain_filter(char words[HANDOVER_WORDS], int error)
{
    const char *const advice =
        error == EBUSY
            ? "another program supervises this one already, and the kernel allows only one supervisor; "
              "start it outside that program"
        : error == EINVAL || error == ENOSYS
            ? "supervising needs Linux 5.9 with seccomp filters, and a container must allow seccomp(2)"
            : "a container must allow seccomp(2)";

    snprintf(words, HANDOVER_WORDS, "no filter of system calls (seccomp(2)): %s; %s", strerror(error),
             advice);
}

/* We cannot send the descriptor itself: by now, sendmsg(2) waits for the supervisor. */
static bool give(int to, int listener)
{
    return send(to, &listener, sizeof listener, MSG_NOSIGNAL) == (ssize_t)sizeof listener;
}

/* Installs the filter, and waits until the supervisor is ready or gives a reason why not. */
static bool hand_over(int to, char words[HANDOVER_WORDS])
{
    static struct filter filter;
    ssize_t got;
    int listener;

    notify_filter_write(&filter);
    listener = filter_load_notifying(&filter);
    if (listener < 0) {
        explain_filter(words, errno);
        return false;
    }
    got = give(to, listener) ? recv(to, words, HANDOVER_WORDS - 1, 0) : -1;
    close(listener);
    words[got > 0 ? got : 0] = '\0';
    if (got <= 0)
        snprintf(words, HANDOVER_WORDS,
                 "the supervisor (retrotls-supervise) cannot run; install retrotls again");
    return got > 0 && words[0] == '\0';
}

static bool start_beside(const char *path, int pair[2], char words[HANDOVER_WORDS])
{
    const bool good = spawn_as_nobodys_child(path, pair[1]);

    if (!good)
        snprintf(words, HANDOVER_WORDS, "cannot start a process: %s", strerror(errno));
    return good;
}

/* ---- as the program's parent */

/*
 * With Yama (ptrace_scope 1), only an ancestor may look at a process, or somebody who may trace all of them.
 */
static bool must_be_ancestor(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {{0}};
    FILE *const file = fopen("/proc/sys/kernel/yama/ptrace_scope", "re");
    int scope = 0;

    if (file && fscanf(file, "%d", &scope) != 1)
        scope = 0;
    if (file)
        fclose(file);
    return scope == 1 && !(syscall(SYS_capget, &header, data) == 0 &&
                           (data[CAP_TO_INDEX(CAP_SYS_PTRACE)].effective & CAP_TO_MASK(CAP_SYS_PTRACE)));
}

/* Forks. The parent becomes the supervisor; only the child, the future program, returns. */
static void part(const char *path, int end, int front)
{
    const pid_t program = fork();

    if (program == 0) {
        close(front);
        return;
    }
    /*
     * The terminal's signals must not reach us. Daemons must remain our descendants, so that we hear of each
     * one.
     */
    if (program < 0 || setpgid(0, 0) != 0 || prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0 ||
        signal(SIGCHLD, SIG_DFL) == SIG_ERR)
        _exit(EXIT_FAILURE);
    become_supervisor(path, end, front, program);
}

/* Ends with the supervisor: without it, the program could do nothing. */
static bool tie_to(pid_t supervisor, char words[HANDOVER_WORDS])
{
    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == 0 && getppid() == supervisor)
        return true;
    snprintf(words, HANDOVER_WORDS, "the supervisor (retrotls-supervise) has ended");
    return false;
}

/* Returns true in the process that will become the program. The calling process becomes the front. */
static bool start_above(const char *path, int pair[2], char words[HANDOVER_WORDS])
{
    sigset_t all, before;
    int ends[2];
    pid_t child;

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
        snprintf(words, HANDOVER_WORDS, "%s", strerror(errno));
        return false;
    }
    /* Blocks all signals: one that arrives before the front is ready must still reach the program. */
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, &before);
    child = fork();
    if (child > 0) {
        close(ends[1]);
        front_run(ends[0]);
    }
    sigprocmask(SIG_SETMASK, &before, NULL);
    close(ends[0]);
    if (child == 0)
        part(path, pair[1], ends[1]);
    else
        snprintf(words, HANDOVER_WORDS, "cannot start a process: %s", strerror(errno));
    return child == 0;
}

bool start_supervisor(const char *path, char words[HANDOVER_WORDS])
{
    const bool above = must_be_ancestor();
    pid_t supervisor;
    int pair[2];
    bool good;

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
        snprintf(words, HANDOVER_WORDS, "%s", strerror(errno));
        return false;
    }
    good = above ? start_above(path, pair, words) : start_beside(path, pair, words);
    supervisor = getppid();
    close(pair[1]);
    good = good && hand_over(pair[0], words) && (!above || tie_to(supervisor, words));
    close(pair[0]);
    return good;
}

bool is_supervised(void)
{
    int value;
    socklen_t length = sizeof value;

    return getsockopt(PROBE_NUMBER, PROBE_LEVEL, PROBE_NAME, &value, &length) == 0;
}
