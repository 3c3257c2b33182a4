/* The supervisor as the program's parent (supervise/start/front.h). */
#ifndef RETROTLS_SUPERVISE_PARENT_FAMILY_H
#define RETROTLS_SUPERVISE_PARENT_FAMILY_H

#include <stdbool.h>
#include <sys/types.h>

/*
 * Starts the threads that report changes of our child `program` to the front at `front`, and that pass on the
 * signals which the front sends. They also wait for what the program leaves behind: daemons become our
 * children, so that we may still look at them. Returns false if a thread cannot be started.
 */
bool family_start(int front, pid_t program);

/* Waits until the front has received the program's exit status. */
void family_wait(void);

#endif
