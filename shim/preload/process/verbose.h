/*
 * The last line of `retrotls -v`, which says that nothing was guarded. A user who asks for a line per
 * connection, and gets none, must not have to guess whether the program made no connection or was out of
 * reach.
 */
#ifndef RETROTLS_PRELOAD_PROCESS_VERBOSE_H
#define RETROTLS_PRELOAD_PROCESS_VERBOSE_H

/* Reads VERBOSE_VARIABLE (wire/log_line.h), after config_start(). */
void verbose_start(void);

/* Notes that this process has made a connection which has its line, or will get one. */
void verbose_note_connection(void);

#endif
