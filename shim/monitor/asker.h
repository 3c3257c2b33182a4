/* The process that sent a request: we need to know whether it is still there. */
#ifndef RETROTLS_MONITOR_ASKER_H
#define RETROTLS_MONITOR_ASKER_H

#include <stdbool.h>

struct asker;

/*
 * Returns the process that is connected to `connection`; give it back with asker_forget(). Returns NULL if
 * the kernel does not identify it (before Linux 5.3, or in another PID namespace), or without descriptors or
 * memory.
 */
struct asker *asker_of(int connection);
void asker_forget(struct asker *asker);

/* Whether it has ended. If another process has its PID by then, we are not fooled. */
bool asker_has_ended(const struct asker *asker);

#endif
