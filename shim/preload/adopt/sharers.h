/* Finds out who else has a connection that this process did not open itself. */
#ifndef RETROTLS_PRELOAD_ADOPT_SHARERS_H
#define RETROTLS_PRELOAD_ADOPT_SHARERS_H

#include <sys/types.h>

/*
 * The nearest ancestor of this process that also has the socket `fd` open, according to /proc/PID/fd
 * (proc(5)). 0 if there is none, -1 if we cannot know (another user's process, no /proc). This finds a
 * process that handed a connection down by fork(2) and keeps it, but not a stranger who was sent a copy.
 */
pid_t sharers_with(int fd);

#endif
