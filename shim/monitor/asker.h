/*
 * The process that has sent a request, as far as it matters whether it is still there.
 */
#ifndef RETROTLS_MONITOR_ASKER_H
#define RETROTLS_MONITOR_ASKER_H

#include <stdbool.h>

struct asker;

/*
 * The process that has connected to `connection`, to be given to asker_forget(). NULL where the kernel does
 * not tell (before Linux 5.3, or in another namespace of processes), or without descriptors or memory.
 */
struct asker *asker_of(int connection);
void asker_forget(struct asker *asker);

/* Whether it has ended. Its number may be another process's by then: this one does not mistake it. */
bool asker_has_ended(const struct asker *asker);

#endif
