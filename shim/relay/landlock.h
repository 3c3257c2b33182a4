/*
 * Landlock (landlock(7)), by the system calls themselves: Debian 12's libc has no names for them.
 *
 * A ruleset is a descriptor: what it is made to allow below a file or folder, everything else that it handles
 * being forbidden to the thread that takes it on, and to all that this thread starts.
 */
#ifndef RETROTLS_RELAY_LANDLOCK_H
#define RETROTLS_RELAY_LANDLOCK_H

#include <stdbool.h>

/* The kernel's version of it, or 0: it has none, or it is switched off. */
int landlock_version(void);

/*
 * A ruleset for the whole process. Files can be read and written, and that is all: none executed, cut short,
 * made other than regular, renamed or removed; no TCP connection or port (version 4), no signal to and no
 * abstract socket of any other process (version 6). -1 with errno.
 */
int landlock_for_process(void);
/* A ruleset that also allows no file at all, but for what landlock_allow_reading() adds. -1 with errno. */
int landlock_for_connection(void);

/*
 * Allows reading the file, or what is below the folder, `path` from the folder `at` (openat(2)). A path that
 * is not there allows nothing, which is no error. False with errno.
 */
bool landlock_allow_reading(int ruleset, int at, const char *path);

/* Takes the ruleset on, for good. Needs no_new_privs. 0, or an errno. */
int landlock_take_on(int ruleset);

#endif
