/* The processes of a service of systemd's, found by its control group; systemctl(1) is not needed. */
#ifndef RETROTLS_COMMAND_RUNNING_UNIT_H
#define RETROTLS_COMMAND_RUNNING_UNIT_H

#include <stddef.h>
#include <sys/types.h>

enum { UNIT_PROCESSES = 4096 };

/*
 * Fills in the processes of the unit `name`, with those of the groups inside its own; ".service" may be left
 * out. Returns how many there are, UNIT_PROCESSES at most; 0 if no such unit runs here.
 */
size_t unit_processes(const char *name, pid_t process[UNIT_PROCESSES]);

#endif
