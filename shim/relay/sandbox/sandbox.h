/*
 * The worker process reads what strangers send, so it gives up everything that it does not already hold. An
 * attacker who takes it over can run no program, open no file, reach no other process, make no new socket,
 * and has no privileges. This holds for the whole process, and so for all its threads.
 */
#ifndef RETROTLS_RELAY_SANDBOX_SANDBOX_H
#define RETROTLS_RELAY_SANDBOX_SANDBOX_H

#include <stdbool.h>

#include "relay/protocol/failure.h"
#include "wire/wire.h"

/*
 * Confines the process. Call this before it starts another thread; it must have no_new_privs. If `off`,
 * leaves it unconfined (for debugging), and the log says so. Returns false if there is not enough memory, or
 * not enough descriptors; the process must then end.
 */
bool sandbox_enter(bool off);

/*
 * True if a connection to `server` with these settings may be served. If the process has no system call
 * filter, returns false for a level that demands TLS, unless the policy says `sandbox optional`; sets `why`
 * then. Landlock is a second wall behind the filter, so we serve connections without it.
 */
bool sandbox_suffices(const struct settings *settings, const char *server, struct failure *why);

/* Says for the log which walls are missing, once per process. NULL if none is, or if this has been said. */
const char *sandbox_report_missing(void);

#endif
