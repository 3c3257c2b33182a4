/*
 * The worker process reads what strangers send, so it gives up everything that it does not already hold. An
 * attacker who takes it over can run no program, open no file, reach no other process, make no new socket,
 * and has no privileges. This holds for the whole process, and so for all its threads.
 */
#ifndef RETROTLS_RELAY_SANDBOX_SANDBOX_H
#define RETROTLS_RELAY_SANDBOX_SANDBOX_H

#include <stdbool.h>

#include "relay/connection.h"

/*
 * Locks the process in. Call it before the process starts another thread; no_new_privs has to be set. `off`:
 * leaves it unlocked (for debugging), and the log says so. Returns false if it lacks the memory or the
 * descriptors; the process must then end.
 */
bool sandbox_enter(bool off);

/* Reports in the log of `c` which of the walls are missing, if any: once per process. */
void sandbox_tell(struct connection *c);

#endif
