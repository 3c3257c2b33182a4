/*
 * retrotls check, retrotls lint: both run the program retrotls-check, because the command must not need
 * OpenSSL.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command/command.h"
#include "command/reach/beside.h"
#include "command/usage.h"

/* argv[0] says which of the two it is. */
static int run_check(char **argv)
{
    static char path[BESIDE_PATH], words[4 * PATH_MAX];

    if (beside_program("retrotls-check", path, words, sizeof words)) {
        execv(path, argv);
        snprintf(words, sizeof words, "%s: %s; install retrotls again", path, strerror(errno));
    }
    complain("%s: %s", argv[0], words);
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
