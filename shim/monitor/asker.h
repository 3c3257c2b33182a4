/* The process that sent a request. We need to know whether it still exists. */
#ifndef RETROTLS_MONITOR_ASKER_H
#define RETROTLS_MONITOR_ASKER_H

#include <stdbool.h>

struct asker;

/*
 * Returns the process that is connected to `connection`; release it with asker_forget(). Returns NULL if the
 * kernel does not identify the process (before Linux 5.3, or in another PID namespace), or if there are no
 * descriptors or no memory.
 */
struct asker *asker_of(int connection);
void asker_forget(struct asker *asker);

/* True if the process has ended, even if another process has its PID by then. */
bool asker_has_ended(const struct asker *asker);

#endif
