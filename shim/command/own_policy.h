/* The policy that applies to programs which this user starts here. */
#ifndef RETROTLS_COMMAND_OWN_POLICY_H
#define RETROTLS_COMMAND_OWN_POLICY_H

#include "policy/policy.h"

/*
 * Option -p: makes `file` the policy for this process and those that it starts. Makes the path absolute,
 * because a program may change its folder before it connects. Returns false, after printing an error, if that
 * is impossible.
 */
bool use_policy(const char *file);

/* The files that the library would load: RETROTLS_POLICY (-p), or else the user's and the system's. */
size_t own_sources(struct policy_source sources[POLICY_SOURCES]);

/* The same for a user whose home folder is `home`. NULL: leaves out the user's own file. */
size_t sources_of(struct policy_source sources[POLICY_SOURCES], const char *home);

/*
 * Loads own_sources(). Never returns NULL; see policy_errors(). The caller frees the policy. If `may_hang`,
 * it is not an error that a file which the policy names hangs (look_apart.h).
 */
const struct policy *own_policy(bool may_hang);

/* Returns how that policy wants `program`, a path, to be guarded if this user starts it. */
enum reach own_reach(const struct policy *policy, const char *program);

#endif
