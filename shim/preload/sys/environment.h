/*
 * What the kernel started the program with. secure_getenv(3) and getauxval(3) are newer (glibc 2.17 and 2.16,
 * musl 1.1.24 and 1.1.0) than the oldest libc that loads this library.
 */
#ifndef RETROTLS_PRELOAD_SYS_ENVIRONMENT_H
#define RETROTLS_PRELOAD_SYS_ENVIRONMENT_H

#include <stdbool.h>

/*
 * Whether the program has privileges that its user does not have (AT_SECURE: setuid, setgid, file
 * capabilities). True if neither libc nor /proc can say; then nothing that the user has set counts.
 */
bool environment_is_secure(void);

/* Whether the program was started as root. */
bool environment_is_roots(void);

/* Like secure_getenv(3). */
const char *environment_value(const char *name);

#endif
