/* Finds blocks of a policy that can never decide anything. */
#ifndef RETROTLS_CHECK_SHADOW_H
#define RETROTLS_CHECK_SHADOW_H

#include <stdbool.h>

#include "policy/model.h"

/*
 * Whether `earlier`, which is tried before `block`, certainly fits everything that `block` fits. False may be
 * wrong: we do not see that *.example.org covers mail.example.org, for example.
 */
bool shadow_covers(const struct block *earlier, const struct block *block);

/* Calls `told` once for each block that an earlier one covers. */
void shadow_each(const struct policy *policy,
                 void (*told)(const struct block *block, const struct block *earlier));

#endif
