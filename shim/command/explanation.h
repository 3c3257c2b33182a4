/* How `retrotls explain` shows what a policy decides. */
#ifndef RETROTLS_COMMAND_EXPLANATION_H
#define RETROTLS_COMMAND_EXPLANATION_H

#include "policy/policy.h"

/* Shows the decision, what decided, and every setting that is in force, under a heading. */
void explanation_show(const char *heading, const struct policy_explanation *why);

/* Whether both explain the same decision, whatever the connection. */
bool explanation_same(const struct policy_explanation *a, const struct policy_explanation *b);

#endif
