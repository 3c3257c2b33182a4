/* Tries something in a thread of a child that is shut in like the worker. */
#ifndef RETROTLS_TESTS_UNIT_WALLS_H
#define RETROTLS_TESTS_UNIT_WALLS_H

#include <stdbool.h>

/* A relay with sanitizers has fewer walls: see seccomp.c. */
#ifdef RETROTLS_SANITIZED
enum { SANITIZED = true };
#else
enum { SANITIZED = false };
#endif

/*
 * True if the kernel accepts filters of system calls. qemu-user, which acts as the kernel, does not
 * (prctl(2)).
 */
bool walls_can_filter(void);
/* Skips the test, with its reason, if the kernel accepts none. */
void walls_need_filters(void);

/* What is tried. Returns 0 if it succeeded, else an errno. */
typedef int try_function(void);

enum walls { NO_WALLS, ALL_WALLS, SECCOMP_ALONE, LANDLOCK_ALONE };

/* Tries it behind those walls. Returns the child's status from wait(2). */
int walls_try(try_function *act, enum walls walls);

enum { WORKS = 0 };
/* The child must have exited with `expected`: WORKS, an errno, or another result of `act`. */
void walls_assert_status(int status, int expected);

/* It must work without the walls, and fail with `error` behind all of them. */
void is_forbidden(try_function *act, int error);
/*
 * The same, and also behind each of the two walls alone, as a kernel may have only one. Landlock is skipped
 * if there is none.
 */
void is_forbidden_by_each(try_function *act, int by_seccomp, int by_landlock);
/* It must work behind the walls. */
void still_works(try_function *act);

#endif
