#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command/command.h"
#include "command/own_policy.h"
#include "command/reach/choice.h"
#include "command/supervision.h"
#include "command/usage.h"

/* Does what execvp(3) does on ENOEXEC. */
static void exec_by_shell(const char *path, char **argv)
{
    size_t count = 0;
    char **by_shell;

    while (argv[count])
        count++;
    by_shell = calloc(count + 2, sizeof *by_shell);
    if (!by_shell)
        return;
    by_shell[0] = (char *)"/bin/sh";
    by_shell[1] = (char *)path;
    for (size_t i = 1; i < count; i++)
        by_shell[i + 1] = argv[i];
    execv(by_shell[0], by_shell);
    free(by_shell);
}

/* Returns false, after printing the errors to standard error, if the policy has any. */
static bool policy_is_good(const struct policy *policy)
{
    if (*policy_errors(policy) == '\0')
        return true;
    fflush(stdout);
    fputs(policy_errors(policy), stderr);
    complain("the policy has errors, and connections would fail: nothing was started");
    return false;
}

static bool set_preload(const struct library *library)
{
    char *const preload = library_preload(library, getenv("LD_PRELOAD"));
    const bool good = preload && setenv("LD_PRELOAD", preload, 1) == 0 && supervision_tell();

    if (!good)
        complain("%s", strerror(ENOMEM));
    free(preload);
    return good;
}

/* Reports that target_search() failed with `error`. Returns the exit status. See launch() for `meant`. */
static int not_found(const char *name, int error, const char *meant)
{
    const bool missing = error == ENOENT || error == ENOTDIR;

    if (missing && meant)
        complain("no program '%s'; did you mean the command '%s'?", name, meant);
    else if (missing && !strchr(name, '/'))
        complain("no program '%s' in PATH", name);
    else
        complain("%s: %s", name, strerror(error));
    return missing ? EXIT_MISSING : EXIT_REFUSED;
}

/* Returns only if it fails, after printing an error. */
static void become(const struct target *target, const char *path, char **argv)
{
    if (target->by_shell)
        exec_by_shell(path, argv);
    else
        execv(path, argv);
    complain("%s: %s", path, strerror(errno));
}

/* Returns false, after printing the reason, if the program cannot be guarded. */
static bool prepare(const struct choice *choice, const struct policy *policy)
{
    switch (choice->way) {
    case WAY_PRELOAD:
        return set_preload(&choice->library);
    case WAY_SUPERVISE:
        supervision_alone();
        return supervision_begin(choice->why, policy);
    case WAY_BOTH:
        return supervision_begin(choice->why, NULL) && set_preload(&choice->library);
    case WAY_NONE:
        break;
    }
    complain("%s", choice->why);
    return false;
}

int launch(char **argv, const char *meant, const enum reach *wanted)
{
    static struct target target;
    static struct choice choice;
    static char path[PATH_MAX];
    const int error = target_search(argv[0], path);
    const struct policy *policy;

    if (error)
        return not_found(argv[0], error, meant);
    target_open(&target, path);
    policy = own_policy(true);
    choose(&choice, &target, argv, wanted ? *wanted : own_reach(policy, target_program(&target)));
    if (choice.way == WAY_NONE || policy_is_good(policy))
        if (prepare(&choice, policy))
            become(&target, path, argv);
    policy_free(policy);
    target_close(&target);
    return target.fault == TARGET_MISSING ? EXIT_MISSING : EXIT_REFUSED;
}
