/*
 * A lock that a fork cannot leave locked for ever. It holds the pid of the process that took it, and a child
 * that finds its parent's pid there takes the lock over. (pthread_atfork(3) would miss vfork(2), _Fork(3) and
 * clone(2).)
 */
#ifndef RETROTLS_PRELOAD_SYS_LOCK_H
#define RETROTLS_PRELOAD_SYS_LOCK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct lock {
    _Atomic uint32_t holder; /* process; 0: nobody */
};

/*
 * Waits for the lock until `deadline` (sys_milliseconds()); false once that has passed. Signals must be
 * blocked while it is held, or a handler of the same thread might wait for it.
 */
bool lock_take(struct lock *lock, int64_t deadline);
void lock_release(struct lock *lock);

#endif
