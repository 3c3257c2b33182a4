/*
 * Finds out in advance whether a preload can reach a program. If the system's loader ignores a preload, it
 * says little or nothing, and the program runs unguarded.
 *
 * We follow a script to the program that finally runs it, as execve(2) and env(1) do.
 */
#ifndef RETROTLS_COMMAND_REACH_TARGET_H
#define RETROTLS_COMMAND_REACH_TARGET_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "program/elf.h"

enum {
    TARGET_STEPS = 8, /* the kernel follows five interpreters, and env(1) sometimes adds one */
    TARGET_WORDS_LIMIT = 3 * PATH_MAX, /* bytes of target_words() */
};

enum target_fault {
    TARGET_WITHIN_REACH,
    TARGET_MISSING,     /* no such file */
    TARGET_DENIED,      /* not executable, a folder */
    TARGET_UNREADABLE,  /* executable, but we cannot read it */
    TARGET_NO_PROGRAM,  /* neither ELF nor a script, or malformed */
    TARGET_TOO_DEEP,    /* interpreters of interpreters */
    TARGET_OBSCURE,     /* env(1) with options that we do not understand */
    TARGET_ENVIRONMENT, /* `env LD_PRELOAD=` leaves the library behind */
    TARGET_GO,
    TARGET_PASCAL,
    TARGET_STATIC,
    TARGET_SETUID,
    TARGET_SETGID,
    TARGET_CAPABILITIES,
};

struct target {
    enum target_fault fault;
    int error; /* the errno of TARGET_MISSING, TARGET_DENIED, TARGET_UNREADABLE */
    size_t steps;
    /* The file that was asked for, then what runs it. The last one is the program. */
    char step[TARGET_STEPS][PATH_MAX];
    bool by_shell; /* the first is text without "#!": execvp(3) gives it to /bin/sh */
    uid_t owner;   /* of the program */
    gid_t group;
    bool others_gain; /* others gain rights by running it, so a preload would not reach it for them */
    struct elf elf;   /* the program's, if we could read it */
    void *map;
    size_t map_size;
};

/*
 * Finds `name` as execvp(3) does (if it has a slash, it is the path). Returns 0 and sets `path`, or an errno:
 * ENOENT, or EACCES if it found only files that may not be executed.
 */
int target_search(const char *name, char path[PATH_MAX]);

/* Examines the file at `path`. Whatever the outcome, call target_close() to release what it holds. */
void target_open(struct target *target, const char *path);
void target_close(struct target *target);

/* The program that finally runs: the last step. */
const char *target_program(const struct target *target);

/* Describes the fault in a sentence or two for a person, in `words`; "" if there is none. Returns `words`. */
char *target_words(const struct target *target, char words[TARGET_WORDS_LIMIT]);

#endif
