/* Finds blocks of a policy that can never decide anything. */
#ifndef RETROTLS_CHECK_SHADOW_H
#define RETROTLS_CHECK_SHADOW_H

#include <stdbool.h>

#include "policy/model.h"

/*
 * True if `earlier`, which is tried before `block`, certainly fits everything that `block` fits. We may miss
 * cases: for example, we do not see that *.example.org covers mail.example.org.
 */
bool shadow_covers(const struct block *earlier, const struct block *block);

/* Calls `each` once for each block that an earlier one covers. */
void shadow_each(const struct policy *policy,
                 void (*each)(const struct block *block, const struct block *earlier));

#endif
