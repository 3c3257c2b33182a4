/* The files that a grant covers. */
#ifndef RETROTLS_MONITOR_GRANT_FILES_H
#define RETROTLS_MONITOR_GRANT_FILES_H

#include "monitor/grants.h"

/*
 * The path of a file that its settings name. NULL with `*error` if they name none (EPERM), or it may not be
 * used. It belongs to the grant or to the calling thread.
 */
const char *grant_path(const struct grant *grant, uint32_t which, int *error);
/* The state of that file, as seen with the grant's rights. All 0 if there is none. It may hang. */
void grant_state(const struct grant *grant, uint32_t which, struct file_state *state);
/*
 * Finds the system's roots, and fills in what the worker learns of the grant in advance. Touches nothing that
 * the policy names.
 */
void grant_facts(struct grant *grant, struct grant_facts *facts);

#endif
