/*
 * Whether to start a program that the library does not reach, whose connections would silently go unguarded.
 * The policy's `unreached` decides, as it applies to that program's connections to the usual ports; with
 * `warn` we start it and write a line to the log. If no rule guards such connections, we write none.
 *
 * Static programs, and those that make their system calls themselves, are started under a supervisor instead,
 * unless the policy's `reach` is `preload`, or there can be none here.
 *
 * If the level demands TLS, we refuse even with `warn` to start this program's own file: exim, which is
 * setuid, starts each delivery like this.
 *
 * Safe in a child of vfork(2), and where connect() is: in a signal handler.
 */
#ifndef RETROTLS_PRELOAD_CHILD_PERMIT_H
#define RETROTLS_PRELOAD_CHILD_PERMIT_H

#include <stdbool.h>

#include "preload/child/child_environment.h"

struct permit {
    bool given;         /* the program may be started */
    const char *helper; /* NULL: as it is; otherwise by this program (helper.h), which is to become `path` */
    const char *path;
    void *mapped; /* holds them */
};

/*
 * Whether the program at `path` may be started with the environment of `room`, which child_environment() has
 * filled. If not, errno is EACCES, or ENOMEM if there is no memory to look. Otherwise keeps errno. End with
 * permit_end() before the program is started.
 */
struct permit permit_path(const struct child_environment *room, const char *path);
/* The same for what execvp(3) finds. */
struct permit permit_name(const struct child_environment *room, const char *file);
/* The same for execveat(2). */
struct permit permit_at(const struct child_environment *room, int folder, const char *path, int flags);

/* Keeps errno. */
void permit_end(struct permit *permit);

#endif
