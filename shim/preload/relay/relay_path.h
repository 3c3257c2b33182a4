/*
 * Where the relay's program is.
 */
#ifndef RETROTLS_PRELOAD_RELAY_RELAY_PATH_H
#define RETROTLS_PRELOAD_RELAY_RELAY_PATH_H

#include "policy/trust.h"

enum { PLACE_LIMIT = 4096 };

/* A relay that was passed over, and the file or folder for the sake of which it was: see policy/trust.h. */
struct place_passed {
    char relay[PLACE_LIMIT]; /* "": none was */
    char cause[PLACE_LIMIT];
    enum trust trust;
};

/*
 * Beside this library, or one folder up (a build tree), if the file and the folders from the library to it
 * can be trusted; else where it is installed. The caller holds a lock: there is but one buffer, for threads'
 * stacks may be small.
 */
void place_of_relay(char path[PLACE_LIMIT], struct place_passed *passed);

#endif
