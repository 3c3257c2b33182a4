#include "command/wrapper.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static bool is_one_of(const char *word, const char *const *list)
{
    for (; *list; list++) {
        if (strcmp(word, *list) == 0)
            return true;
    }
    return false;
}

/* They put a proxy's library before all that LD_PRELOAD names already: ours would see the proxy's connection.
 */
static const char *const proxies[] = {"proxychains", "proxychains3", "proxychains4", "torsocks",
                                      "torify",      "tsocks",       "socksify",     NULL};
/* sudo(8): LD_* is always removed; doas(1); pkexec(1). */
static const char *const clearing[] = {"sudo", "doas", "pkexec", NULL};
/* They ask a service to start it. */
static const char *const elsewhere[] = {"systemd-run", "flatpak", "snap", "docker", "podman", NULL};

/* su(1) keeps the environment, but not for a login. */
static bool is_login(char *const argv[])
{
    static const char *const login[] = {"-", "-l", "--login", NULL};

    for (; *argv; argv++) {
        if (is_one_of(*argv, login))
            return true;
    }
    return false;
}

/* env(1): options, variables, and then the program that it starts. */
static bool takes_preload_away(char *const argv[])
{
    static const char *const clears[] = {
        "-", "-i", "--ignore-environment", "--unset=LD_PRELOAD", "-uLD_PRELOAD", NULL};

    for (; *argv && **argv == '-'; argv++) {
        if (is_one_of(*argv, clears))
            return true;
        if (strcmp(*argv, "-u") == 0 && argv[1] && strcmp(*++argv, "LD_PRELOAD") == 0)
            return true;
        if (strcmp(*argv, "-C") == 0 && argv[1])
            argv++;
    }
    for (; *argv && strchr(*argv, '='); argv++) {
        if (strncmp(*argv, "LD_PRELOAD=", 11) == 0)
            return true;
    }
    return false;
}

const char *wrapper_fault(char *const argv[], char words[WRAPPER_WORDS])
{
    const char *const slash = strrchr(argv[0], '/');
    const char *const name = slash ? slash + 1 : argv[0];
    const char *does = NULL;

    if (is_one_of(name, proxies))
        does =
            "puts its own library before retrotls's, and the mail server's connection would pass unguarded";
    else if (is_one_of(name, clearing) ||
             ((strcmp(name, "su") == 0 || strcmp(name, "runuser") == 0) && is_login(argv + 1)))
        does = "clears the environment, and the program would run unguarded";
    else if (strcmp(name, "env") == 0 && takes_preload_away(argv + 1))
        does = "as it is called takes LD_PRELOAD away, and the program would run unguarded";
    else if (is_one_of(name, elsewhere))
        does = "has another process start the program, which would run unguarded";
    if (!does)
        return NULL;
    snprintf(words, WRAPPER_WORDS, "%s %s. Run it the other way round: '%s ... retrotls PROGRAM'.", name,
             does, name);
    return words;
}
