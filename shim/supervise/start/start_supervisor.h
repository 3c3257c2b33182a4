/* Puts the calling process under a supervisor, before it runs the program. */
#ifndef RETROTLS_SUPERVISE_START_START_SUPERVISOR_H
#define RETROTLS_SUPERVISE_START_START_SUPERVISOR_H

#include <stdbool.h>

#include "supervise/start/handover.h"

/*
 * Starts the supervisor `path` (retrotls-supervise) in a session of its own and not as our child, and
 * installs the filter whose notifications it serves. From then on, this process and everything it starts are
 * supervised. The supervisor keeps none of our descriptors. If it must be an ancestor of the program, the
 * calling process becomes the front (front.h), and this function returns in its grandchild. If the user is
 * not root, the caller also gets no_new_privs, so setuid programs no longer gain rights.
 *
 * Returns false with the reason and some advice in `words`. The caller must then exit, because its socket
 * calls may fail.
 */
bool start_supervisor(const char *path, char words[HANDOVER_WORDS]);

/*
 * True if one of our supervisors already serves this process. We make a call that would otherwise fail, and
 * the supervisor answers it.
 */
bool is_supervised(void);

#endif
