#include <stddef.h>

#include "policy/model.h"
#include "policy/policy.h"

enum reach policy_reach(const struct policy *policy, const struct policy_query *query)
{
    struct policy_query of_port = *query;
    enum reach strictest = REACH_PRELOAD;
    bool guarded = false;

    for (const uint16_t *port = usual_ports; *port != 0; port++) {
        struct settings settings;

        of_port.address.port = *port;
        if (policy_decide(policy, &of_port, &settings) == DECISION_UNTOUCHED)
            continue;
        guarded = true;
        if (settings.reach > strictest)
            strictest = settings.reach;
    }
    return guarded ? strictest : policy->default_settings.reach;
}
