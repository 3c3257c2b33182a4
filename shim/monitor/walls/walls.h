/*
 * Confines the monitor before it starts to serve. It parses nothing from the network, but it answers a worker
 * that may be compromised.
 */
#ifndef RETROTLS_MONITOR_WALLS_WALLS_H
#define RETROTLS_MONITOR_WALLS_WALLS_H

#include <stdbool.h>

struct filter;

/* Starts a filter (filter.h) and adds the monitor's rules. A relay with sanitizers has no filter. */
void walls_rules(struct filter *filter);

/*
 * Confines this process, which must still have only one thread, and must have no_new_privs. It may still
 * start threads, and open files with the rights of programs, to read them or to append to them. It may not
 * run or trace programs, send signals, start processes, or remove, rename, truncate or overwrite files. It
 * may connect(2) to addresses as long as those of TCP, but has no TCP sockets except those that programs gave
 * it. Of root's capabilities it keeps those with which a program can reach its own files and set its socket
 * options.
 *
 * Call this before credentials_note_own(). Returns false if there is no memory: the process must then end. If
 * the kernel has no filters, nothing is refused, and the worker reports that (relay/sandbox/sandbox.h).
 */
bool walls_put_up(void);

#endif
