#include "preload/process/verbose.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "preload/process/config.h"
#include "preload/process/library_log.h"
#include "preload/sys/environment.h"
#include "preload/sys/strbuf.h"
#include "preload/sys/sys.h"
#include "wire/log_line.h"

static uint32_t verbose_process;          /* 0: none */
static struct rusage of_earlier_children; /* of the command's children, before it became the program */
static uint64_t standard_error;           /* its inode number */
static atomic_bool connected;

void verbose_start(void)
{
    const char *const value = environment_is_secure() ? NULL : environment_value(VERBOSE_VARIABLE);
    uint32_t number = 0, owner;

    for (const char *c = value; c && *c >= '0' && *c <= '9' && number < UINT32_MAX / 16; c++)
        number = number * 10 + (uint32_t)(*c - '0');
    if (number == sys_process() && sys_inode(STDERR_FILENO, &standard_error, &owner) &&
        getrusage(RUSAGE_CHILDREN, &of_earlier_children) == 0)
        verbose_process = number;
}

void verbose_note_connection(void)
{
    atomic_store_explicit(&connected, true, memory_order_relaxed);
}

/*
 * True if this process never had a child, which would have had lines of its own. The kernel counts a child's
 * times and memory once it has been waited for (getrusage(2)), but not if SIGCHLD is ignored (wait(2)).
 */
static bool had_no_child(void)
{
    struct rusage of_children = {0};
    struct sigaction on_child;
    siginfo_t info;

    return getrusage(RUSAGE_CHILDREN, &of_children) == 0 &&
           memcmp(&of_children, &of_earlier_children, sizeof of_children) == 0 &&
           waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0 && errno == ECHILD &&
           sigaction(SIGCHLD, NULL, &on_child) == 0 && on_child.sa_handler != SIG_IGN &&
           !(on_child.sa_flags & SA_NOCLDWAIT);
}

/* A program that closed its standard error may have opened anything under that number. */
static bool has_standard_error(void)
{
    uint64_t inode;
    uint32_t owner;

    return sys_inode(STDERR_FILENO, &inode, &owner) && inode == standard_error;
}

__attribute__((destructor)) static void end(void)
{
    const char *const program = config_program();
    const char *const slash = strrchr(program, '/');
    char words[PATH_MAX + 200], room[LIBRARY_LOG_LINE_SIZE];
    struct strbuf w;

    if (verbose_process == 0 || verbose_process != sys_process() || connected || !had_no_child() ||
        !has_standard_error())
        return;
    strbuf_start(&w, words, sizeof words);
    strbuf_add(&w, "nothing was guarded: ");
    strbuf_add(&w, slash ? slash + 1 : program);
    strbuf_add(&w, " made no connection to a port that the policy guards ('retrotls explain HOST:PORT' shows "
                   "what it says of one)");
    library_log_warning(config_log(), words, room);
}
