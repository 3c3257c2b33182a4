#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command/command.h"
#include "command/own_policy.h"
#include "command/reach/library.h"
#include "command/reach/target.h"
#include "command/reach/wrapper.h"
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

static bool policy_is_good(void)
{
    const struct policy *const policy = own_policy();
    const bool good = *policy_errors(policy) == '\0';

    if (!good) {
        fflush(stdout);
        fputs(policy_errors(policy), stderr);
        complain("the policy is in error, and connections would fail: nothing was started");
    }
    policy_free(policy);
    return good;
}

static bool set_preload(const struct target *target)
{
    static struct library library;
    static char why[LIBRARY_WHY_LIMIT];
    char *preload;

    if (!library_find(&library, target, why)) {
        complain("%s", why);
        return false;
    }
    preload = library_preload(&library, getenv("LD_PRELOAD"));
    if (!preload || setenv("LD_PRELOAD", preload, 1) != 0) {
        complain("%s", strerror(ENOMEM));
        return false;
    }
    free(preload);
    return true;
}

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

int launch(char **argv, const char *meant)
{
    static struct target target;
    static char path[PATH_MAX], words[TARGET_WORDS_LIMIT], lost[WRAPPER_WORDS];
    const int error = target_search(argv[0], path);

    if (error)
        return not_found(argv[0], error, meant);
    if (wrapper_fault(argv, lost)) {
        complain("%s", lost);
        return EXIT_REFUSED;
    }
    target_open(&target, path);
    if (target.fault != TARGET_WITHIN_REACH) {
        complain("%s", target_words(&target, words));
        target_close(&target);
        return target.fault == TARGET_MISSING ? EXIT_MISSING : EXIT_REFUSED;
    }
    if (policy_is_good() && set_preload(&target)) {
        if (target.by_shell)
            exec_by_shell(path, argv);
        else
            execv(path, argv);
        complain("%s: %s", path, strerror(errno));
    }
    target_close(&target);
    return EXIT_REFUSED;
}
