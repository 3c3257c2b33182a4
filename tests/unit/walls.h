/* Tries something in a thread of a child's that is shut in as one of the relay's that serves a connection. */
#ifndef RETROTLS_TESTS_UNIT_WALLS_H
#define RETROTLS_TESTS_UNIT_WALLS_H

#include <stdbool.h>

#include "wire/settings.h"

/* What is tried: returns 0 where it got what it wanted, else an errno. */
typedef int try_function(void);

/*
 * Tries it with the domain of `settings` (NULL: of none), or without any wall; the status that wait(2) gives
 * of the child. Where the settings have a log, a line is written to it before.
 */
int walls_try(try_function *act, const struct settings *settings, bool walls);

enum { WORKS = 0 };
/* The child has exited with `expected`: WORKS, an errno, or what else `act` came to. */
void walls_assert_status(int status, int expected);

/* Works without the walls, and fails with `error` behind them. */
void is_forbidden_with(try_function *act, const struct settings *settings, int error);
void is_forbidden(try_function *act, int error);
/* Works behind the walls. */
void still_works(try_function *act, const struct settings *settings);

#endif
