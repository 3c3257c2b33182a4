#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command/command.h"
#include "command/library.h"
#include "command/target.h"
#include "command/usage.h"

/* As execvp(3) does where the kernel says ENOEXEC. */
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

static bool set_preload(const struct target *target)
{
    static struct library library;
    char why[LIBRARY_WHY_LIMIT];
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

int launch(char **argv)
{
    static struct target target;
    char path[PATH_MAX], words[TARGET_WORDS_LIMIT];
    const int error = target_search(argv[0], path);

    if (error) {
        complain("%s: %s", argv[0],
                 error == ENOENT && !strchr(argv[0], '/') ? "no such program in PATH" : strerror(error));
        return error == ENOENT || error == ENOTDIR ? EXIT_MISSING : EXIT_REFUSED;
    }
    target_open(&target, path);
    if (target.fault != TARGET_WITHIN_REACH) {
        complain("%s", target_words(&target, words));
        target_close(&target);
        return target.fault == TARGET_MISSING ? EXIT_MISSING : EXIT_REFUSED;
    }
    if (set_preload(&target)) {
        if (target.by_shell)
            exec_by_shell(path, argv);
        else
            execv(path, argv);
        complain("%s: %s", path, strerror(errno));
    }
    target_close(&target);
    return EXIT_REFUSED;
}
