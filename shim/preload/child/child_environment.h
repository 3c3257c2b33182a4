/*
 * What a program that this one starts must find in its environment, so that the library guards it as well:
 * our entry of LD_PRELOAD, and the variables that say which policy and which log are in force.
 *
 * Many servers clear their environment before they exec themselves or their helpers (exim, postfix, dovecot,
 * nginx's upgrade). If a new environment lacks something of ours, we put it back as it was when this program
 * was started. Relative paths become absolute: the program may have another working directory now. Only an
 * empty LD_PRELOAD (`LD_PRELOAD= PROGRAM`) means that the user wants none of it.
 *
 * Safe in a signal handler and in a child of vfork(2), which runs in its parent's memory: no malloc(3), no
 * lock, and no writes except to the caller's stack.
 */
#ifndef RETROTLS_PRELOAD_CHILD_CHILD_ENVIRONMENT_H
#define RETROTLS_PRELOAD_CHILD_CHILD_ENVIRONMENT_H

#include <stdbool.h>
#include <stddef.h>

enum { CHILD_ENVIRONMENT_ROOM = 512 };

enum child_library {
    CHILD_UNWATCHED, /* the library does not go along: left behind on purpose, or not loaded by LD_PRELOAD */
    CHILD_GUARDED,   /* LD_PRELOAD has it */
    CHILD_BEREFT,    /* the environment has lost it, and its file cannot be read here */
};

/*
 * Where a new environment is built: on the caller's stack, or, because that may be small, in a mapping if it
 * is too large.
 */
struct child_environment {
    enum child_library library;
    bool one_file; /* LD_PRELOAD has it as a path without variables, so it fits programs of one kind only */
    void *mapped;  /* NULL: `room` is enough */
    size_t size;   /* of what is mapped */
    _Alignas(char *) char room[CHILD_ENVIRONMENT_ROOM];
};

/* For the constructor, after config_start(): notes what this program was started with. */
void child_environment_start(void);

/* The file that LD_PRELOAD names; "" if the loader searches for it. */
const char *child_environment_library(void);

/*
 * Replaces `*envp` by an environment that has what it lacks. Leaves it as it is if it lacks nothing, if the
 * library was not loaded by LD_PRELOAD, or if the kernel would return EFAULT. The other strings stay the
 * same, in the same order. Returns false with errno ENOMEM if there is no memory; else keeps errno. Whatever
 * the outcome, end with child_environment_end().
 *
 * The new environment may make an exec fail with E2BIG that would just have succeeded: POSIX tells programs
 * to leave 2048 bytes unused.
 */
bool child_environment(char *const **envp, struct child_environment *room);

/* Frees what it mapped, if anything; may be called again. Keeps errno. */
void child_environment_end(struct child_environment *room);

#endif
