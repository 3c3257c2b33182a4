/*
 * Whether a preload can reach a program: found out before it is started, because the system's loader says
 * little or nothing where it leaves a preload out, and the program then runs unguarded.
 *
 * A script is followed to the program that runs it in the end, the way execve(2) and env(1) do.
 */
#ifndef RETROTLS_COMMAND_REACH_TARGET_H
#define RETROTLS_COMMAND_REACH_TARGET_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "command/reach/elf.h"

enum {
    TARGET_STEPS = 8, /* the kernel follows five interpreters, and env adds one now and then */
    TARGET_WORDS_LIMIT = 3 * PATH_MAX, /* bytes of target_words() */
};

enum target_fault {
    TARGET_WITHIN_REACH,
    TARGET_MISSING,     /* no such file */
    TARGET_DENIED,      /* not executable, a folder */
    TARGET_UNREADABLE,  /* may be executed but not looked into */
    TARGET_NO_PROGRAM,  /* neither ELF nor a script, or malformed */
    TARGET_TOO_DEEP,    /* interpreters of interpreters */
    TARGET_OBSCURE,     /* env(1) with options whose effect is not known here */
    TARGET_ENVIRONMENT, /* `env -i` and the like take LD_PRELOAD away */
    TARGET_GO,
    TARGET_STATIC,
    TARGET_SETUID,
    TARGET_SETGID,
    TARGET_CAPABILITIES,
};

struct target {
    enum target_fault fault;
    int error; /* the errno behind TARGET_MISSING, TARGET_DENIED, TARGET_UNREADABLE */
    size_t steps;
    char step[TARGET_STEPS][PATH_MAX]; /* the file asked for, then what runs it; the last is the program */
    bool by_shell;                     /* the first is a text without "#!": execvp(3) hands it to /bin/sh */
    uid_t owner;                       /* of the program */
    gid_t group;
    bool others_gain; /* rights by the program, which then leaves a preload out; who asks has them anyhow */
    struct elf elf;   /* of the program, where it was read */
    void *map;
    size_t map_size;
};

/*
 * Where execvp(3) finds `name` (as it stands, where it has a slash). Returns 0 with `path` set, else an
 * errno: EACCES where only files that may not be executed were found, ENOENT.
 */
int target_search(const char *name, char path[PATH_MAX]);

/* Looks at the file at `path`. target_close() gives back what it holds, whatever the outcome. */
void target_open(struct target *target, const char *path);
void target_close(struct target *target);

/* The program that runs in the end: the last step. */
const char *target_program(const struct target *target);

/* The fault in a sentence or two for a person, into `words`; "" where there is none. Returns `words`. */
char *target_words(const struct target *target, char words[TARGET_WORDS_LIMIT]);

#endif
