#include "command/reach/wrapper.h"

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

/* These put a proxy's library first in LD_PRELOAD: ours would only see the connection to the proxy. */
static const char *const proxies[] = {"proxychains", "proxychains3", "proxychains4", "torsocks",
                                      "torify",      "tsocks",       "socksify",     NULL};
/* These remove LD_* (always: sudo(8)); doas(1); pkexec(1). */
static const char *const clearing[] = {"sudo", "doas", "pkexec", NULL};
/* These have a service start the program. */
static const char *const elsewhere[] = {"systemd-run", "flatpak", "snap", "docker", "podman", NULL};

/* These start the command after their own arguments, and do not affect the library. */
static const char *const transparent[] = {"nice",    "nohup", "setsid",  "timeout", "stdbuf",
                                          "ionice",  "time",  "chrt",    "taskset", "setarch",
                                          "linux32", "env",   "busybox", NULL};

/* Whether su(1) or runuser(1) starts a login, which clears the environment; otherwise they keep it. */
static bool is_login(char *const argv[])
{
    for (; *argv && strcmp(*argv, "--") != 0; argv++) {
        if (strcmp(*argv, "-") == 0 || strcmp(*argv, "--login") == 0)
            return true;
        if (argv[0][0] != '-' || argv[0][1] == '-')
            continue;
        for (const char *letter = *argv + 1; *letter; letter++) {
            if (*letter == 'l')
                return true;
            if (*letter == 'u') /* runuser: a program follows, without a login */
                return false;
            if (!strchr("csgGwT", *letter))
                continue;
            if (!letter[1] && argv[1]) /* its value is the next argument */
                argv++;
            break;
        }
    }
    return false;
}

/* setpriv(1) */
static bool resets_environment(char *const argv[])
{
    for (; *argv && strcmp(*argv, "--") != 0; argv++) {
        if (strcmp(*argv, "--reset-env") == 0)
            return true;
    }
    return false;
}

/*
 * env(1): one argument of short options, such as -iv or -uNAME. Advances if their value is the next argument.
 */
static bool letters_take_preload_away(char *const **at)
{
    for (const char *letter = **at + 1; *letter; letter++) {
        const char *value = letter + 1;

        if (*letter == 'i')
            return true;
        if (!strchr("uCS", *letter))
            continue;
        if (!*value) {
            if (!(*at)[1])
                return false;
            value = *++*at;
        }
        return *letter == 'u' && strcmp(value, "LD_PRELOAD") == 0;
    }
    return false;
}

/* env(1): its options and variables, up to the program that it starts. */
static bool takes_preload_away(char *const argv[])
{
    for (; *argv && **argv == '-' && strcmp(*argv, "--") != 0; argv++) {
        if (strcmp(*argv, "-") == 0 || strcmp(*argv, "--ignore-environment") == 0 ||
            strcmp(*argv, "--unset=LD_PRELOAD") == 0)
            return true;
        if (argv[0][1] != '-' && letters_take_preload_away(&argv))
            return true;
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
    const bool may_log_in = strcmp(name, "su") == 0 || strcmp(name, "runuser") == 0;
    const char *does = NULL;

    if (is_one_of(name, proxies))
        does =
            "puts its own library before retrotls's, and the mail server's connection would pass unguarded";
    else if (is_one_of(name, clearing) || (may_log_in && is_login(argv + 1)) ||
             (strcmp(name, "setpriv") == 0 && resets_environment(argv + 1)))
        does = "clears the environment, and the program would run unguarded";
    else if (strcmp(name, "env") == 0 && takes_preload_away(argv + 1))
        does = "as it is called takes LD_PRELOAD away, and the program would run unguarded";
    else if (is_one_of(name, elsewhere))
        does = "has another process start the program, which would run unguarded";
    if (!does && is_one_of(name, transparent)) {
        for (argv++; *argv && (strchr("-+0123456789", **argv) || strchr(*argv, '=')); argv++)
            ;
        return *argv ? wrapper_fault(argv, words) : NULL;
    }
    if (!does)
        return NULL;
    snprintf(words, WRAPPER_WORDS, "%s %s. Run it the other way round: '%s ... retrotls PROGRAM'.", name,
             does, name);
    return words;
}
