#include "command/reach/wrapper.h"

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
/* These remove LD_* from the environment: sudo(8), always; doas(1); pkexec(1). */
static const char *const clearing[] = {"sudo", "doas", "pkexec", NULL};
/* These have a service start the program. */
static const char *const elsewhere[] = {"systemd-run", "flatpak", "snap", "docker", "podman", NULL};

/* These start the command after their own arguments, and do not affect the library. */
static const char *const transparent[] = {"nice",    "nohup", "setsid",  "timeout", "stdbuf",
                                          "ionice",  "time",  "chrt",    "taskset", "setarch",
                                          "linux32", "env",   "busybox", NULL};

/*
 * Reads the options and variables of env(1), up to the program that it starts. Setting LD_PRELOAD to nothing
 * is the one way to keep the library from going along (libretrotls(7)).
 */
static bool leaves_library_behind(char *const argv[])
{
    for (; *argv && **argv == '-' && strcmp(*argv, "--") != 0; argv++) {
        if (argv[0][1] != '-' && argv[0][strlen(argv[0]) - 1] == 'u' && argv[1]) /* its value comes next */
            argv++;
    }
    for (; *argv && strchr(*argv, '='); argv++) {
        if (strcmp(*argv, "LD_PRELOAD=") == 0)
            return true;
    }
    return false;
}

const char *wrapper_fault(char *const argv[], bool supervised, char words[WRAPPER_WORDS])
{
    const char *const slash = strrchr(argv[0], '/');
    const char *const name = slash ? slash + 1 : argv[0];
    const char *does = NULL;

    if (is_one_of(name, proxies))
        does = "puts its own library before ours, and the connection to the mail server would be unguarded";
    else if (!supervised && is_one_of(name, clearing))
        does = "clears the environment, and the program would run unguarded";
    else if (!supervised && strcmp(name, "env") == 0 && leaves_library_behind(argv + 1))
        does = "empties LD_PRELOAD with these arguments, and the program would run unguarded";
    else if (is_one_of(name, elsewhere))
        does = "has another process start the program, which would run unguarded";
    if (!does && is_one_of(name, transparent)) {
        for (argv++; *argv && (strchr("-+0123456789", **argv) || strchr(*argv, '=')); argv++)
            ;
        return *argv ? wrapper_fault(argv, supervised, words) : NULL;
    }
    if (!does)
        return NULL;
    snprintf(words, WRAPPER_WORDS, "%s %s. Run it the other way round: '%s ... retrotls PROGRAM'.", name,
             does, name);
    return words;
}
