/*
 * Landlock (landlock(7)), by the system calls themselves: Debian 12's libc has no names for them.
 */
#ifndef RETROTLS_RELAY_SANDBOX_LANDLOCK_H
#define RETROTLS_RELAY_SANDBOX_LANDLOCK_H

/* The kernel's version of it, or 0: it has none, or it is switched off. */
int landlock_version(void);

/*
 * Forbids the calling thread, and all that it starts from now on, for good: every file and folder, to read,
 * to write, to make, to run, to rename or to remove; TCP connections and ports (version 4); signals to and
 * abstract sockets of processes outside (version 6). What is open stays so. Needs no_new_privs. 0, or an
 * errno.
 */
int landlock_shut(void);

#endif
