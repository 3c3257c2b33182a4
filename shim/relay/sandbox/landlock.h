/*
 * Landlock (landlock(7)), with raw system calls: Debian 12's libc has no wrappers for them.
 */
#ifndef RETROTLS_RELAY_SANDBOX_LANDLOCK_H
#define RETROTLS_RELAY_SANDBOX_LANDLOCK_H

/* The kernel's Landlock version; 0: it has none, or it is switched off. */
int landlock_version(void);

/*
 * Denies this thread, and every thread and process that it starts from now on, forever: reading, writing,
 * making, running, renaming or removing any file or folder; TCP connections and ports (version 4); signals to
 * processes outside, and their abstract sockets (version 6). What is already open stays open. Needs
 * no_new_privs. Returns 0 or an errno.
 */
int landlock_shut(void);

#endif
