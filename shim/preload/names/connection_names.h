/*
 * The host names of one connection: those that we ask the policy about, and those that the certificate must
 * be for. This connects the memory of names (names.h) to the policy (policy.h).
 */
#ifndef RETROTLS_PRELOAD_NAMES_CONNECTION_NAMES_H
#define RETROTLS_PRELOAD_NAMES_CONNECTION_NAMES_H

#include <stdbool.h>
#include <stddef.h>

#include "policy/policy.h"
#include "preload/names/names.h"

/* Fills in the query's hosts. Its address must be set already. `found` must live as long as the query. */
void connection_names_ask(struct policy_query *query, const struct names_found *found);

/*
 * For a connection that the policy guards with `settings`: lists in `asked` the names that the certificate
 * must be for. False if they are lost and `settings` need them.
 */
bool connection_names_settle(const struct policy *policy, const struct policy_query *query,
                             const struct settings *settings, struct text_list *asked);

/*
 * Explains why the query's names do not allow a connection, and which line to add to the policy. `unseen`:
 * its names are not lost, but nobody could see them.
 */
void connection_names_explain(const struct policy_query *query, bool unseen, char *why, size_t size);

#endif
