/*
 * Starts the relay without the program noticing: wait(2) finds no child, no SIGCHLD arrives, and the relay
 * has its own session and none of the program's descriptors.
 */
#ifndef RETROTLS_PRELOAD_RELAY_RELAY_SPAWN_H
#define RETROTLS_PRELOAD_RELAY_RELAY_SPAWN_H

/*
 * Runs `path` with the environment `environment` (NULL-terminated) and with `listener` as descriptor 3
 * and `members` as descriptor 4, unless that is -1. Descriptors 0 to 2 are /dev/null, and all others are
 * closed. Signals are as at a program's start, with none blocked. The caller must block all signals. Returns
 * 0 once the exec has succeeded, or the errno of what failed.
 */
int spawn_relay(const char *path, char *const environment[], int listener, int members);

#endif
