/*
 * A relay before it is needed. Once a program has another root directory, is another user or may have no more
 * processes, it may be unable to start a relay, to read its policy, or to reach the log. So we do that just
 * before: the policy is loaded, and if it may guard a connection of this program, a relay is started that
 * lives as long as the program and its children (relay_keep()). Until the first connection, that relay is one
 * small process that waits.
 *
 * A relay opens what the policy names with the rights that the program has when it connects, so one that root
 * started does no more for a program that has become another user (monitor/files/credentials.h). But it stays
 * in the old root directory and namespaces: paths in the policy mean what they mean there.
 *
 * All of these keep errno, and may be called in a signal handler. They do nothing in a child of vfork(2),
 * which is about to execute another program.
 */
#ifndef RETROTLS_PRELOAD_RELAY_RELAY_AHEAD_H
#define RETROTLS_PRELOAD_RELAY_RELAY_AHEAD_H

#include <stdint.h>

/* Makes the calling process the owner of its memory. For the constructor, and for the child of a fork(2). */
void relay_ahead_start(void);

/* Call this before the program changes its root directory or its mount namespace. */
void relay_ahead_of_root(void);

/*
 * Call this before root becomes another user. Loads the policy; starts a relay only if the new user may have
 * few processes (RLIMIT_NPROC, which does not hold for root).
 */
void relay_ahead_of_user(void);

/* Call this before the program sets RLIMIT_NPROC to `processes`. */
void relay_ahead_of_limit(uint64_t processes);

/*
 * Call this after `call` ("chroot(2)") has succeeded. If no relay can be started then, the log says why. The
 * policy stays as it is, because other files may be at its paths.
 */
void relay_ahead_over(const char *call);

#endif
