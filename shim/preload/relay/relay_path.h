/* Finds the relay's program. */
#ifndef RETROTLS_PRELOAD_RELAY_RELAY_PATH_H
#define RETROTLS_PRELOAD_RELAY_RELAY_PATH_H

#include "policy/trust.h"

enum { RELAY_PATH_LIMIT = 4096 };

/* A relay that we did not use, and the file or folder that was the reason: see policy/trust.h. */
struct relay_passed_over {
    char relay[RELAY_PATH_LIMIT]; /* "": none */
    char cause[RELAY_PATH_LIMIT];
    enum trust trust;
};

/*
 * Looks next to this library, and one folder up (a build tree). Takes a relay there if we can trust its file
 * and the folders from the library to it; otherwise takes the installed one. The caller must hold a lock:
 * there is only one buffer, because threads' stacks may be small.
 */
void relay_path_find(char path[RELAY_PATH_LIMIT], struct relay_passed_over *passed);

#endif
