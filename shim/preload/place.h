/*
 * Where the relay's program is.
 */
#ifndef RETROTLS_PRELOAD_PLACE_H
#define RETROTLS_PRELOAD_PLACE_H

enum { PLACE_LIMIT = 4096 };

/*
 * Beside this library, or one folder up (a build tree), else where it is installed. The caller holds a lock:
 * there is but one buffer, for threads' stacks may be small.
 */
void place_of_relay(char path[PLACE_LIMIT]);

#endif
