#include "supervise/start/front.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef SYS_close_range
#    define SYS_close_range 436
#endif

enum { SUPERVISOR = 3, EXIT_REFUSED = 126 };

static _Noreturn void end_by(int number)
{
    static const struct rlimit no_core = {0, 0}; /* if the program dumps core, it has done so itself */
    sigset_t one;

    setrlimit(RLIMIT_CORE, &no_core);
    signal(number, SIG_DFL);
    sigemptyset(&one);
    sigaddset(&one, number);
    raise(number);
    sigprocmask(SIG_UNBLOCK, &one, NULL);
    _exit(128 + number);
}

static bool looks_stopped(pid_t program)
{
    char path[64], state = '?';
    FILE *file;

    snprintf(path, sizeof path, "/proc/%d/stat", (int)program);
    file = fopen(path, "re");
    if (file && fscanf(file, "%*d (%*[^)]) %c", &state) != 1)
        state = '?';
    if (file)
        fclose(file);
    return state == 'T' || state == 't';
}

/*
 * True if the program is stopped, unless by a signal to our whole process group. Such a signal stops us too,
 * but perhaps only after our first look. When we are continued, so is the program, and our second look sees
 * that.
 */
static bool is_stopped(pid_t program)
{
    return looks_stopped(program) && looks_stopped(program);
}

static void obey(const struct front_report *report)
{
    if (report->status == FRONT_READY || WIFCONTINUED(report->status))
        return;
    if (WIFEXITED(report->status))
        _exit(WEXITSTATUS(report->status));
    if (WIFSIGNALED(report->status))
        end_by(WTERMSIG(report->status));
    if (WIFSTOPPED(report->status) && is_stopped(report->program))
        raise(SIGSTOP);
}

/* Returns false once the supervisor has gone. */
static bool hear_supervisor(pid_t *program)
{
    struct front_report report;
    const ssize_t got = recv(SUPERVISOR, &report, sizeof report, 0);

    if (got < 0)
        return errno == EINTR;
    if (got != sizeof report)
        return false;
    *program = report.program;
    obey(&report);
    return true;
}

static void pass_signal_on(int signals, pid_t program)
{
    struct signalfd_siginfo info;
    int number;

    if (read(signals, &info, sizeof info) != sizeof info)
        return;
    number = (int)info.ssi_signo;
    /*
     * If the SIGCONT went to the whole group, it has continued the program already. Passing it on could undo
     * a later stop.
     */
    if (number == SIGCONT && !is_stopped(program))
        return;
    if (info.ssi_code != SI_KERNEL && number != SIGCHLD)
        send(SUPERVISOR, &number, sizeof number, MSG_NOSIGNAL);
}

/* Closes our descriptors: when the program closes a pipe, its reader must see the end of file. */
static void let_go(int supervisor)
{
    const int null = open("/dev/null", O_RDWR);

    supervisor = fcntl(supervisor, F_DUPFD, SUPERVISOR + 1);
    if (null < 0 || supervisor < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0 ||
        dup2(null, STDERR_FILENO) < 0 || dup2(supervisor, SUPERVISOR) < 0 ||
        syscall(SYS_close_range, SUPERVISOR + 1, UINT32_MAX, 0) != 0)
        _exit(EXIT_REFUSED);
}

_Noreturn void front_run(int supervisor)
{
    pid_t program = 0; /* unknown until the program runs */
    sigset_t all;
    int signals;

    sigfillset(&all);
    let_go(supervisor);
    signals = signalfd(-1, &all, SFD_CLOEXEC);
    for (;;) {
        struct pollfd set[] = {{.fd = SUPERVISOR, .events = POLLIN}, {.fd = signals, .events = POLLIN}};

        if (poll(set, 2, -1) < 0)
            continue;
        if (set[0].revents && !hear_supervisor(&program))
            break;
        if (set[1].revents)
            pass_signal_on(signals, program);
    }
    /*
     * If the supervisor has gone, the program has been killed. If the program never ran, the reason has been
     * reported.
     */
    if (program)
        end_by(SIGKILL);
    _exit(EXIT_REFUSED);
}
