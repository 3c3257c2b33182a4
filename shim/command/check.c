/*
 * retrotls check, retrotls lint: a program of its own, retrotls-check, which needs OpenSSL as the command
 * must not.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command/command.h"
#include "command/usage.h"

/* Beside the command in the build tree, else where it is installed. */
static void run(const char *folder, const char *place, char **argv)
{
    char path[PATH_MAX + 64];

    snprintf(path, sizeof path, "%s/%s", folder, place);
    execv(path, argv);
}

/* argv[0] tells it which of the two it is. */
static int run_check(char **argv)
{
    char folder[PATH_MAX];
    const ssize_t length = readlink("/proc/self/exe", folder, sizeof folder - 1);
    char *slash;

    if (length <= 0) {
        complain("%s: cannot tell where this command is: %s", argv[0], strerror(errno));
        return EXIT_FAILURE;
    }
    folder[length] = '\0';
    slash = strrchr(folder, '/');
    if (slash)
        *slash = '\0';
    run(folder, "retrotls-check", argv);
    if (errno == ENOENT)
        run(folder, "../libexec/retrotls/retrotls-check", argv);
    complain("%s: %s/../libexec/retrotls/retrotls-check: %s; install retrotls again", argv[0], folder,
             strerror(errno));
    return EXIT_FAILURE;
}

int command_check(int argc, char **argv)
{
    (void)argc;
    return run_check(argv);
}

int command_lint(int argc, char **argv)
{
    (void)argc;
    return run_check(argv);
}
