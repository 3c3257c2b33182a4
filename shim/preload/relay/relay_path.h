/*
 * Where the relay's program is.
 */
#ifndef RETROTLS_PRELOAD_RELAY_RELAY_PATH_H
#define RETROTLS_PRELOAD_RELAY_RELAY_PATH_H

#include "policy/trust.h"

enum { RELAY_PATH_LIMIT = 4096 };

/* A relay that was passed over, and the file or folder for the sake of which it was: see policy/trust.h. */
struct relay_passed_over {
    char relay[RELAY_PATH_LIMIT]; /* "": none was */
    char cause[RELAY_PATH_LIMIT];
    enum trust trust;
};

/*
 * Beside this library, or one folder up (a build tree), if the file and the folders from the library to it
 * can be trusted; else where it is installed. The caller holds a lock: there is but one buffer, for threads'
 * stacks may be small.
 */
void relay_path_find(char path[RELAY_PATH_LIMIT], struct relay_passed_over *passed);

#endif
