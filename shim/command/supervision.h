/*
 * Runs a program under a supervisor: a process beside it serves its socket calls (shim/supervise). This
 * reaches what a preload does not: static and Go programs, raw system calls.
 */
#ifndef RETROTLS_COMMAND_SUPERVISION_H
#define RETROTLS_COMMAND_SUPERVISION_H

#include <limits.h>
#include <stdbool.h>

#include "policy/policy.h"

enum { SUPERVISION_WORDS = 4 * PATH_MAX };

/*
 * Puts this process, the future program, under a supervisor, unless it has one already. `why` is a sentence
 * with the reason, or "". The supervisor does not see a connection that the program inherits. If `policy`
 * (NULL: none) may guard such a connection, that is an error. On failure returns false, after printing what
 * is wrong and what to do.
 */
bool supervision_begin(const char *why, const struct policy *policy);

/* Removes our own library from LD_PRELOAD: only the supervisor guards the program. */
void supervision_alone(void);

/*
 * If a supervisor serves this process, sets RETROTLS_SUPERVISED, so that the library marks its own calls
 * (wire/call_mark.h). Returns false if there is no memory.
 */
bool supervision_tell(void);

/* Tries supervision_begin() in another process. If that fails, returns false with the reason in `words`. */
bool supervision_is_possible(char words[SUPERVISION_WORDS]);

#endif
