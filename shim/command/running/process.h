/* What /proc shows of a process that runs: who it is, and whether retrotls guards it. */
#ifndef RETROTLS_COMMAND_RUNNING_PROCESS_H
#define RETROTLS_COMMAND_RUNNING_PROCESS_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

struct process {
    pid_t pid;
    uid_t user;             /* effective */
    char program[PATH_MAX]; /* the executable's path, without " (deleted)"; "" if it cannot be known */
    char library[PATH_MAX]; /* of retrotls, if it is mapped; else "" */
    bool supervised;        /* it was put under a supervisor, and still has a system call filter */
    /* From the environment that it was started with; "" if unset. A program may have replaced it since. */
    char policy[PATH_MAX], home[PATH_MAX];
};

/*
 * Looks at a process. Returns 0 or an errno: ENOENT if there is none (or it has ended, or is a zombie),
 * EACCES if it is another user's.
 */
int process_look(struct process *process, pid_t pid);

/* True if the process is a part of retrotls itself: a relay, a supervisor. */
bool process_is_ours(const struct process *process);

#endif
