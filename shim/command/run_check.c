/*
 * retrotls check, retrotls lint: both run the program retrotls-check, as the command must not need OpenSSL.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command/beside.h"
#include "command/command.h"
#include "command/usage.h"

/* Runs it from `place` in the command's folder, if it is there and we trust it. */
static void run(struct beside *beside, const char *place, char **argv)
{
    char path[PATH_MAX + 64];

    snprintf(path, sizeof path, "%s/%s", beside->folder, place);
    if (access(path, F_OK) == 0 && beside_trusts(beside, path))
        execv(path, argv);
}

/* argv[0] says which of the two to run. */
static int run_check(char **argv)
{
    static const char *const places[] = {"retrotls-check", "../libexec/retrotls/retrotls-check"};
    static struct beside beside;
    static char doubt[3 * PATH_MAX];

    if (!beside_start(&beside)) {
        complain("%s: cannot tell where this command is: %s", argv[0], strerror(errno));
        return EXIT_FAILURE;
    }
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        errno = 0;
        run(&beside, places[i], argv);
        if (errno != 0 && errno != ENOENT)
            break;
    }
    beside_tell(&beside, doubt, sizeof doubt);
    if (doubt[0])
        complain("%s: %s Install retrotls again, or mend that", argv[0], doubt);
    else
        complain("%s: %s/%s: %s; install retrotls again", argv[0], beside.folder, places[1], strerror(errno));
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
