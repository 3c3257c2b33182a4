/*
 * A mark on a TCP socket that the library has taken for a guarded connection, seen by every process that
 * shares the socket: a child forked before connect() has its parent's number still refer to it, and is told
 * why it cannot speak to the server.
 *
 * It is SO_RXQ_OVFL (socket(7)), which is kept by any socket and has a meaning for datagrams alone.
 */
#ifndef RETROTLS_PRELOAD_GUARD_TAKEN_MARK_H
#define RETROTLS_PRELOAD_GUARD_TAKEN_MARK_H

#include <stdbool.h>

bool taken_mark_is_set(int fd);
void taken_mark_set(int fd, bool on);

#endif
