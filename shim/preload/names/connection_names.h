/*
 * The host names of one connection: what the policy is asked about, and what the certificate must be for.
 * Between the memory of names (names.h) and the policy (policy.h).
 */
#ifndef RETROTLS_PRELOAD_NAMES_CONNECTION_NAMES_H
#define RETROTLS_PRELOAD_NAMES_CONNECTION_NAMES_H

#include <stdbool.h>
#include <stddef.h>

#include "policy/policy.h"
#include "preload/names/names.h"

/* Fills the query's hosts in. `found` must live as long as the query does. The query has its address already.
 */
void connection_names_ask(struct policy_query *query, const struct names_found *found);

/*
 * Once the policy guards the connection by `settings`: lists the names that the certificate must be for in
 * `asked`. False if they are lost, and `settings` need them.
 */
bool connection_names_settle(const struct policy *policy, const struct policy_query *query,
                             const struct settings *settings, struct text_list *asked);

/* Why the names that may be meant do not allow a connection, and which line to add to the policy. */
void connection_names_explain(const struct policy_query *query, char *why, size_t size);

#endif
