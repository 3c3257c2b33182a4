/* Tries something in a thread of a child's that is shut in as the worker is. */
#ifndef RETROTLS_TESTS_UNIT_WALLS_H
#define RETROTLS_TESTS_UNIT_WALLS_H

#include <stdbool.h>

/* A relay with sanitizers has fewer walls: seccomp.c tells why. */
#ifdef RETROTLS_SANITIZED
enum { SANITIZED = true };
#else
enum { SANITIZED = false };
#endif

/* Whether the kernel takes filters of system calls; qemu-user, which is one to its programs, takes none
 * (prctl(2)). */
bool walls_can_filter(void);
/* Skips the test, with its reason, where it takes none. */
void walls_need_filters(void);

/* What is tried: returns 0 where it got what it wanted, else an errno. */
typedef int try_function(void);

enum walls { NO_WALLS, ALL_WALLS, SECCOMP_ALONE, LANDLOCK_ALONE };

/* Tries it behind those walls; the status that wait(2) gives of the child. */
int walls_try(try_function *act, enum walls walls);

enum { WORKS = 0 };
/* The child has exited with `expected`: WORKS, an errno, or what else `act` came to. */
void walls_assert_status(int status, int expected);

/* Works without the walls, and fails with `error` behind them all. */
void is_forbidden(try_function *act, int error);
/* Likewise behind one of the two, where a kernel has no more. Of Landlock where there is any. */
void is_forbidden_by_each(try_function *act, int by_seccomp, int by_landlock);
/* Works behind the walls. */
void still_works(try_function *act);

#endif
