/* Who else has a connection that this process got from outside. */
#ifndef RETROTLS_PRELOAD_ADOPT_SHARERS_H
#define RETROTLS_PRELOAD_ADOPT_SHARERS_H

#include <sys/types.h>

/*
 * The nearest ancestor of this process that has the socket `fd` open too, by /proc/PID/fd (proc(5)); 0 where
 * none has, -1 where that cannot be known: another user's process, no /proc. Whoever handed a connection down
 * by fork(2) and keeps it is found; a stranger who was sent a copy is not.
 */
pid_t sharers_with(int fd);

#endif
