/* How `retrotls explain` shows what a policy decides. */
#ifndef RETROTLS_COMMAND_EXPLANATION_H
#define RETROTLS_COMMAND_EXPLANATION_H

#include "policy/policy.h"

/* Shows under a heading the decision, what it is based on, and every setting in force. */
void explanation_show(const char *heading, const struct policy_explanation *why);

/* True if both explain the same decision, even if for different connections. */
bool explanation_same(const struct policy_explanation *a, const struct policy_explanation *b);

#endif
