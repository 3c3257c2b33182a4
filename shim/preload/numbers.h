/* The open descriptors of this process. */
#ifndef RETROTLS_PRELOAD_NUMBERS_H
#define RETROTLS_PRELOAD_NUMBERS_H

#include <stdbool.h>

/*
 * Calls `visit` with each open number, until it returns false. False where it did, or with errno set where
 * the numbers cannot be had. They come from /proc/self/fd; where that is not there (chroot(2)), all numbers
 * below the limit are tried, unless the limit is beyond reason (ENOTSUP).
 */
bool numbers_visit(bool (*visit)(void *context, int number), void *context);

/*
 * The same for a folder like /proc/self/fd, another process's. False too where it cannot be read, or `visit`
 * said so.
 */
bool numbers_visit_in(const char *folder, bool (*visit)(void *context, int number), void *context);

/* Whether the numbers can be had at all, and by /proc. Sets errno. */
bool numbers_can_be_had(void);
bool numbers_have_proc(void);

#endif
