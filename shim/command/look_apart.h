/*
 * Looks at the files that a policy names in a child process, because a file system may hang (policy.h, struct
 * policy_way).
 */
#ifndef RETROTLS_COMMAND_LOOK_APART_H
#define RETROTLS_COMMAND_LOOK_APART_H

#include "policy/policy.h"

enum { LOOK_PATIENCE = 10 * 1000 /* ms for a file, as in the relay: a disk may have to spin up first */ };

/*
 * Calls `look` in a child process. Returns false if it has not answered after LOOK_PATIENCE. The child may
 * then remain until the file system answers.
 */
bool look_apart(void (*look)(const void *question, void *answer), const void *question, void *answer,
                size_t room);

#endif
