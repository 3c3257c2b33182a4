/*
 * Starts the relay so that the program cannot tell: no child that wait(2) finds, no SIGCHLD, no descriptor
 * of the program's in it, a session of its own.
 */
#ifndef RETROTLS_PRELOAD_RELAY_SPAWN_H
#define RETROTLS_PRELOAD_RELAY_SPAWN_H

/*
 * Runs `path` with the environment `environment` (NULL-terminated) and `listener` as descriptor 3; 0 to 2 are
 * /dev/null, all others closed; signals as at a program's start, none blocked. All signals must be blocked in
 * the caller. Returns 0 once the exec has succeeded, else the errno of what failed.
 */
int spawn_relay(const char *path, char *const environment[], int listener);

#endif
