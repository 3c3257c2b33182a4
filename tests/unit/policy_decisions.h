/* Short ways for the policy tests to ask for one decision, about a connection of user alice. */
#ifndef RETROTLS_TESTS_UNIT_POLICY_DECISIONS_H
#define RETROTLS_TESTS_UNIT_POLICY_DECISIONS_H

#include "policy/policy.h"
#include "tests/unit/policy_files.h"

static inline enum decision decision(const struct policy *policy, const char *address, unsigned port,
                                     const char *host, const char *program)
{
    const struct policy_query query = {
        .address = address_of(address, port),
        .hosts = {.count = host == NULL ? 0 : 1, .item = {host}},
        .program = program,
        .user = "alice",
        .uid = 1000,
    };
    struct settings settings;

    return policy_decide(policy, &query, &settings);
}

static inline bool guards(const struct policy *policy, const char *address, unsigned port, const char *host)
{
    return decision(policy, address, port, host, "/usr/bin/mutt") == DECISION_GUARD;
}

static inline bool fails(const struct policy *policy, const char *address, unsigned port, const char *host)
{
    return decision(policy, address, port, host, "/usr/bin/mutt") == DECISION_ERROR;
}

static const char out[] = "192.0.2.1", lo[] = "127.0.0.1";

#endif
