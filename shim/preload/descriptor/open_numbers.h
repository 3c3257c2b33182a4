/* The open descriptors of this process. */
#ifndef RETROTLS_PRELOAD_DESCRIPTOR_OPEN_NUMBERS_H
#define RETROTLS_PRELOAD_DESCRIPTOR_OPEN_NUMBERS_H

#include <stdbool.h>

/*
 * Calls `visit` with each open number, and maybe with some that are not open, until it returns false. False
 * where it did, or with errno set where the numbers cannot be had. They come from /proc/self/fd; where that
 * is not there (chroot(2)), `*no_proc` is set and nothing is done.
 */
bool open_numbers_visit(bool (*visit)(void *context, int number), void *context, bool *no_proc);

/* The same without /proc: all numbers below the limit are tried, unless it is beyond reason (ENOTSUP). */
bool open_numbers_visit_blindly(bool (*visit)(void *context, int number), void *context);

/*
 * The same for a folder like /proc/self/fd, another process's. False too where it cannot be read, or `visit`
 * said so.
 */
bool open_numbers_visit_in(const char *folder, bool (*visit)(void *context, int number), void *context);

/* Whether the numbers can be had, one way or the other. Sets errno. */
bool open_numbers_can_be_had(void);

#endif
