/*
 * What the kernel started the program with. secure_getenv(3) and getauxval(3) are younger (glibc 2.17 and
 * 2.16, musl 1.1.24 and 1.1.0) than the oldest libc that the library is loaded into.
 */
#ifndef RETROTLS_PRELOAD_SYS_ENVIRONMENT_H
#define RETROTLS_PRELOAD_SYS_ENVIRONMENT_H

#include <stdbool.h>

/*
 * Whether the program has rights that its user has not (AT_SECURE: setuid, setgid, file capabilities). True
 * if neither libc nor /proc can tell: nothing that the user has set counts then.
 */
bool environment_is_secure(void);

/* Whether the program was started as root. */
bool environment_is_roots(void);

/* As secure_getenv(3). */
const char *environment_value(const char *name);

#endif
