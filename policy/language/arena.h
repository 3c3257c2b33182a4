/*
 * The one mapping that a loaded policy lives in. Bounded; pages that are not used cost nothing.
 */
#ifndef RETROTLS_POLICY_LANGUAGE_ARENA_H
#define RETROTLS_POLICY_LANGUAGE_ARENA_H

#include <stddef.h>

struct arena {
    char *base; /* NULL: no memory */
    size_t size, used;
};

/* A mapping of its own; `base` is NULL where there is no memory for it. */
struct arena arena_map(size_t size);
/* Zeroed, aligned for any object; NULL where it does not fit. */
void *arena_take(struct arena *arena, size_t size);
/* Gives back what is not used; returns what is left of the mapping. */
size_t arena_close(struct arena *arena);

#endif
