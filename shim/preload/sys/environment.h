/*
 * What the kernel started the program with. secure_getenv(3) and getauxval(3) are newer (glibc 2.17 and 2.16,
 * musl 1.1.24 and 1.1.0) than the oldest libc that loads this library.
 */
#ifndef RETROTLS_PRELOAD_SYS_ENVIRONMENT_H
#define RETROTLS_PRELOAD_SYS_ENVIRONMENT_H

#include <stdbool.h>

/*
 * True if the program has privileges that its user does not have (AT_SECURE: setuid, setgid, file
 * capabilities). Also true if neither libc nor /proc can say. If true, we ignore whatever the user has set.
 */
bool environment_is_secure(void);

/* True if root started the program. */
bool environment_is_roots(void);

/* Like secure_getenv(3). */
const char *environment_value(const char *name);

#endif
