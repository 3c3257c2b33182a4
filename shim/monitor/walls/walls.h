/*
 * What the monitor gives up before it serves: it parses nothing from the network, but answers a worker that
 * may have been taken over.
 */
#ifndef RETROTLS_MONITOR_WALLS_WALLS_H
#define RETROTLS_MONITOR_WALLS_WALLS_H

#include <stdbool.h>

/*
 * For this process, which has one thread and no_new_privs. It keeps opening files, to read or to append to
 * them, with the rights of programs; everything else is refused: it runs and traces nothing, signals and
 * makes no process, connects nowhere, and removes, renames, truncates and overwrites no file. Of root's
 * capabilities, those are left by which a program may reach its own files and set options of its sockets.
 *
 * To be called before credentials_note_own(). False without memory: the process must end. Where the kernel
 * has no filters nothing is refused, and the worker tells of that (relay/sandbox/sandbox.h).
 */
bool walls_put_up(void);

#endif
