/*
 * The worker process reads what strangers send, so it gives up everything but what it has: whoever takes it
 * over finds no program to run, no file to open, no way to another process, no socket but those it has, and
 * no privileges. All of it holds for the process, and so for each of its threads.
 */
#ifndef RETROTLS_RELAY_SANDBOX_SANDBOX_H
#define RETROTLS_RELAY_SANDBOX_SANDBOX_H

#include <stdbool.h>

#include "relay/connection.h"

/*
 * Shuts the process in, before it has another thread; no_new_privs has to be set. `off`: it does not (for
 * debugging), and the log tells. False where it has not the memory or the descriptors for that: the process
 * must end.
 */
bool sandbox_enter(bool off);

/* Tells in the log of `c` which of the walls are missing: once in the process, and nothing if none is. */
void sandbox_tell(struct connection *c);

#endif
