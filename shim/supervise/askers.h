/*
 * Identifies who asks for a name, in the sense of names.h. We cannot tell the threads of a process apart,
 * because a Go program's goroutines move between them. So an asker is a process, and only while it has a
 * single thread.
 */
#ifndef RETROTLS_SUPERVISE_ASKERS_H
#define RETROTLS_SUPERVISE_ASKERS_H

#include <stdint.h>

#include "supervise/client.h"

/*
 * Returns the process's number, which no other process gets. Returns 0 if the process has several threads, or
 * if /proc does not say.
 */
uint64_t asking_process(const struct client *client);

#endif
