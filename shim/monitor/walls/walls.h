/*
 * What the monitor gives up before it starts to serve: it parses nothing from the network, but answers a
 * worker that may be compromised.
 */
#ifndef RETROTLS_MONITOR_WALLS_WALLS_H
#define RETROTLS_MONITOR_WALLS_WALLS_H

#include <stdbool.h>

/*
 * Confines this process, which has one thread and no_new_privs. It may still open files with the rights of
 * programs, to read or to append to them. It may not run or trace programs, send signals, start processes,
 * connect anywhere, or remove, rename, truncate or overwrite files. Of root's capabilities it keeps those
 * with which a program can reach its own files and set its socket options.
 *
 * Call it before credentials_note_own(). Returns false if there is no memory: the process must end. If the
 * kernel has no filters, nothing is refused, and the worker reports that (relay/sandbox/sandbox.h).
 */
bool walls_put_up(void);

#endif
