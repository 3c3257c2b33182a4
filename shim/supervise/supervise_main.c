/*
 * retrotls-supervise: the supervisor, which `retrotls --supervise` starts beside the program. It serves the
 * socket calls of the program and all its descendants, and ends when none of them is left. It is nobody's
 * child, so the program keeps the command's PID, and with it the shell's job control, signals and exit
 * status. If the kernel requires an ancestor, it is the program's parent instead (family.h).
 */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "preload/libc/io.h"
#include "preload/libc/real.h"
#include "preload/names/names.h"
#include "preload/process/config.h"
#include "preload/sys/sys.h"
#include "supervise/become/become.h"
#include "supervise/client.h"
#include "supervise/dns/forwarder_link.h"
#include "supervise/notification.h"
#include "supervise/parent/family.h"
#include "supervise/serve.h"
#include "supervise/start/handover.h"

/* Receives the number under which the command has the descriptor of its filter. Returns -1 on failure. */
static int receive(void)
{
    int number;

    return recv(HANDOVER_NUMBER, &number, sizeof number, 0) == (ssize_t)sizeof number ? number : -1;
}

static int yama(void)
{
    FILE *const file = fopen("/proc/sys/kernel/yama/ptrace_scope", "re");
    int scope = 0;

    if (file) {
        if (fscanf(file, "%d", &scope) != 1)
            scope = 0;
        fclose(file);
    }
    return scope;
}

static void explain(char words[HANDOVER_WORDS], const char *what, int error)
{
    if (error == EPERM && yama() != 0)
        snprintf(words, HANDOVER_WORDS,
                 "%s: the kernel lets no process look at another (kernel.yama.ptrace_scope is %d); set it "
                 "to 0 or 1 with sysctl(8), or run this as root",
                 what, yama());
    else if (error == ENOSYS || error == EINVAL)
        snprintf(words, HANDOVER_WORDS,
                 "%s: %s; supervising needs Linux 5.9, and a container must allow pidfd_open(2) and "
                 "pidfd_getfd(2)",
                 what, strerror(error));
    else
        snprintf(words, HANDOVER_WORDS,
                 "%s: %s; in a container, allow pidfd_getfd(2) and process_vm_readv(2), or give it "
                 "CAP_SYS_PTRACE",
                 what, strerror(error));
}

/*
 * Tries everything that serving the program will need, on the command that is to become it. Returns our own
 * descriptor for the filter, or -1 with the reason in `words`.
 */
static int open_listener(int number, pid_t pid, char words[HANDOVER_WORDS])
{
    struct client client = {.pidfd = -1};
    uint64_t word;
    int listener = -1;

    words[0] = '\0';
    if (!client_open(&client, pid))
        explain(words, "the program cannot be opened (pidfd_open(2))", errno);
    else if ((listener = client_descriptor(&client, number)) < 0)
        explain(words, "the program's descriptors cannot be copied (pidfd_getfd(2))", errno);
    else if (!notification_is_supported(listener))
        snprintf(words, HANDOVER_WORDS, "the kernel is too old; supervising needs Linux 5.9");
    /* Nothing is mapped at address 0. If we may read the memory, the error is EFAULT. */
    else if (!client_read(&client, &word, 0, sizeof word) && errno != EFAULT)
        explain(words, "the program's memory cannot be read (process_vm_readv(2))", errno);
    client_close(&client);
    return words[0] == '\0' ? listener : -1;
}

/* The program's descriptors can be as high as its limit allows, so we need the same limit. */
static void allow_high_numbers(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

/*
 * We end when the program ends. When a service manager stops the service, the program must be able to finish.
 */
static void ignore_signals(void)
{
    static const int ignored[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGPIPE, SIGTSTP, SIGUSR1, SIGUSR2};

    for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++)
        signal(ignored[i], SIG_IGN);
}

int main(int argc, char **argv)
{
    char words[HANDOVER_WORDS];
    struct ucred command;
    socklen_t length = sizeof command;
    const pid_t program = argc == 2 ? (pid_t)atoi(argv[1]) : 0; /* our child */
    int number, listener;

    if (argc > 3 && strcmp(argv[1], "exec") == 0) {
        config_start();
        return become_supervised(argv[2], argv + 3);
    }
    if (argc > 2 || getsockopt(HANDOVER_NUMBER, SOL_SOCKET, SO_PEERCRED, &command, &length) != 0) {
        fputs("'retrotls --supervise PROGRAM' starts retrotls-supervise; do not start it by hand\n", stderr);
        return 2;
    }
    ignore_signals();
    allow_high_numbers();
    sys_start();
    real_start();
    io_start();
    config_start();
    names_start();
    /* Only now: RETROTLS_POLICY and RETROTLS_LOG may be relative paths. */
    if (chdir("/") != 0)
        return 1;
    forwarder_start();
    number = receive();
    if (number < 0)
        return 1;
    listener = open_listener(number, program ? program : command.pid, words);
    if (listener < 0) {
        send(HANDOVER_NUMBER, words, strlen(words) + 1, MSG_NOSIGNAL);
        return 1;
    }
    if ((program && !family_start(HANDOVER_FRONT, program)) ||
        send(HANDOVER_NUMBER, "", 1, MSG_NOSIGNAL) != 1)
        return 1;
    close(HANDOVER_NUMBER);
    if (!program)
        close(HANDOVER_FRONT);
    serve(listener);
    if (program)
        family_wait();
    return 0;
}
