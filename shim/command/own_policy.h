/* The policy in force for programs that this user starts from here. */
#ifndef RETROTLS_COMMAND_OWN_POLICY_H
#define RETROTLS_COMMAND_OWN_POLICY_H

#include "policy/policy.h"

/* The files that the library would load: RETROTLS_POLICY (-p), or else the user's and the system's. */
size_t own_sources(struct policy_source sources[POLICY_SOURCES]);

/* The same for a user with the home folder `home`; NULL: without a file of the user's own. */
size_t sources_of(struct policy_source sources[POLICY_SOURCES], const char *home);

/*
 * Loads own_sources(). Never NULL; see policy_errors(). The caller frees it.
 */
const struct policy *own_policy(void);

#endif
