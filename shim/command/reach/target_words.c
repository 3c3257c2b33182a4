/* The sentences that describe each fault of a target. */
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>

#include "command/reach/target.h"

static void owner_name(const struct target *target, char *name, size_t size)
{
    const struct passwd *const user = getpwuid(target->owner);

    if (user)
        snprintf(name, size, "%s", user->pw_name);
    else
        snprintf(name, size, "user %u", target->owner);
}

static void group_name(const struct target *target, char *name, size_t size)
{
    const struct group *const group = getgrgid(target->group);

    if (group)
        snprintf(name, size, "%s", group->gr_name);
    else
        snprintf(name, size, "%u", target->group);
}

static const char *of_dos(const char *interpreter)
{
    return strchr(interpreter, '\r') ? "; its lines end with a carriage return, as on Windows: convert it"
                                     : "";
}

/* Writes the beginning of a sentence: "FILE", or "FILE is run by PROGRAM, which". */
static void subject(const struct target *target, char text[2 * PATH_MAX + 32])
{
    if (target->steps == 1)
        snprintf(text, PATH_MAX, "%s", target->step[0]);
    else
        snprintf(text, 2 * PATH_MAX + 32, "%s is run by %s, which", target->step[0], target_program(target));
}

char *target_words(const struct target *target, char words[TARGET_WORDS_LIMIT])
{
    char who[2 * PATH_MAX + 32], name[64];
    const char *predicate = "", *advice = "";
    char line[320];

    subject(target, who);
    switch (target->fault) {
    case TARGET_WITHIN_REACH:
        words[0] = '\0';
        return words;
    case TARGET_MISSING:
    case TARGET_DENIED:
        if (target->steps == 1)
            snprintf(words, TARGET_WORDS_LIMIT, "%s: %s", target->step[0], strerror(target->error));
        else
            snprintf(words, TARGET_WORDS_LIMIT, "%s is run by %s: %s%s", target->step[0],
                     target_program(target), strerror(target->error), of_dos(target_program(target)));
        return words;
    case TARGET_UNREADABLE:
        predicate = "cannot be read, so we cannot find out whether a preloaded library reaches it";
        break;
    case TARGET_NO_PROGRAM:
        predicate = "is neither an ELF program nor a script with \"#!\" and an interpreter";
        break;
    case TARGET_TOO_DEEP:
        snprintf(words, TARGET_WORDS_LIMIT,
                 "%s is run by an interpreter of an interpreter of an interpreter: too many",
                 target->step[0]);
        return words;
    case TARGET_OBSCURE:
        snprintf(words, TARGET_WORDS_LIMIT,
                 "the first line of %s runs a program by env(1) in a way that we do not understand; "
                 "name the interpreter: 'retrotls INTERPRETER %s'",
                 target_program(target), target->step[0]);
        return words;
    case TARGET_ENVIRONMENT:
        snprintf(words, TARGET_WORDS_LIMIT,
                 "the first line of %s makes env(1) empty LD_PRELOAD, so its connections cannot be guarded; "
                 "name the interpreter: 'retrotls INTERPRETER %s'",
                 target_program(target), target->step[0]);
        return words;
    case TARGET_GO:
        predicate =
            "is a Go program: it makes its system calls without the C library, so a preloaded library "
            "does not see its connections";
        break;
    case TARGET_PASCAL:
        predicate =
            "is built by Free Pascal: it makes its system calls without the C library, so a preloaded "
            "library does not see its connections";
        break;
    case TARGET_STATIC:
        predicate = "is statically linked: no library can be preloaded into it";
        break;
    case TARGET_SETUID:
        owner_name(target, name, sizeof name);
        snprintf(line, sizeof line, "is setuid %s: the system's loader ignores LD_PRELOAD for it", name);
        predicate = line;
        advice = "Run retrotls as that user, or have that user's program started by retrotls "
                 "(as in 'sudo retrotls PROGRAM').";
        break;
    case TARGET_SETGID:
        group_name(target, name, sizeof name);
        snprintf(line, sizeof line, "is setgid %s: the system's loader ignores LD_PRELOAD for it", name);
        predicate = line;
        advice = "Run a copy without the setgid bit, or join that group first (newgrp(1)).";
        break;
    case TARGET_CAPABILITIES:
        predicate = "has file capabilities: the system's loader ignores LD_PRELOAD for it";
        advice = "Run a copy of it: a copy has none.";
        break;
    }
    snprintf(words, TARGET_WORDS_LIMIT, "%s %s.%s%s", who, predicate, *advice ? " " : "", advice);
    return words;
}
