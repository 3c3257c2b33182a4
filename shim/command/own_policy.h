/* The policy in force for programs that are started from here, by this user. */
#ifndef RETROTLS_COMMAND_OWN_POLICY_H
#define RETROTLS_COMMAND_OWN_POLICY_H

#include "policy/policy.h"

/*
 * Loads the files that the library would load: RETROTLS_POLICY (-p), else the user's and the system's. Never
 * NULL; see policy_errors(). The caller frees it.
 */
const struct policy *own_policy(void);

#endif
