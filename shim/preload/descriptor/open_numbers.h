/* The open descriptors of this process. */
#ifndef RETROTLS_PRELOAD_DESCRIPTOR_OPEN_NUMBERS_H
#define RETROTLS_PRELOAD_DESCRIPTOR_OPEN_NUMBERS_H

#include <stdbool.h>

/*
 * Calls `visit` with each open number, and perhaps with some that are not open, until it returns false.
 * Returns false if `visit` did, or with errno set if we cannot get the numbers. They come from /proc/self/fd;
 * if that is missing (chroot(2)), sets `*no_proc` and does nothing.
 */
bool open_numbers_visit(bool (*visit)(void *context, int number), void *context, bool *no_proc);

/* The same without /proc: tries all numbers below the limit, unless that is beyond reason (ENOTSUP). */
bool open_numbers_visit_blindly(bool (*visit)(void *context, int number), void *context);

/*
 * The same for a folder like /proc/self/fd of another process. Returns false if it cannot be read or `visit`
 * returned false.
 */
bool open_numbers_visit_in(const char *folder, bool (*visit)(void *context, int number), void *context);

/* True if we can get the numbers one way or the other. Sets errno. */
bool open_numbers_can_be_had(void);

#endif
