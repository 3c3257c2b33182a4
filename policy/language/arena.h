/* The one mapping that a loaded policy lives in. Its size is fixed; unused pages cost nothing. */
#ifndef RETROTLS_POLICY_LANGUAGE_ARENA_H
#define RETROTLS_POLICY_LANGUAGE_ARENA_H

#include <stddef.h>

struct arena {
    char *base; /* NULL: no memory */
    size_t size, used;
};

/* Makes the mapping; `base` is NULL if there is no memory for it. */
struct arena arena_map(size_t size);
/* Returns zeroed memory, aligned for any object; NULL if it does not fit. */
void *arena_take(struct arena *arena, size_t size);
/* Gives back the unused pages; returns the size of the rest of the mapping. */
size_t arena_close(struct arena *arena);

#endif
