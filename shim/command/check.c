/* retrotls check: a program of its own, retrotls-check, which needs OpenSSL as the command must not. */
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

int command_check(int argc, char **argv)
{
    char folder[PATH_MAX];
    const ssize_t length = readlink("/proc/self/exe", folder, sizeof folder - 1);
    char *slash;

    (void)argc;
    if (length <= 0) {
        complain("check: cannot tell where this command is: %s", strerror(errno));
        return EXIT_FAILURE;
    }
    folder[length] = '\0';
    slash = strrchr(folder, '/');
    if (slash)
        *slash = '\0';
    run(folder, "retrotls-check", argv);
    if (errno == ENOENT)
        run(folder, "../libexec/retrotls/retrotls-check", argv);
    complain("check: %s/../libexec/retrotls/retrotls-check: %s; install retrotls again", folder,
             strerror(errno));
    return EXIT_FAILURE;
}
