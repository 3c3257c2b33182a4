/*
 * Marks a TCP socket that the library has taken for a guarded connection. Every process that shares the
 * socket sees the mark. In a child forked before connect() the number still refers to that socket, and the
 * library logs why the child cannot speak to the server.
 *
 * The mark is SO_RXQ_OVFL (socket(7)), which any socket keeps and only datagrams use.
 */
#ifndef RETROTLS_PRELOAD_GUARD_TAKEN_MARK_H
#define RETROTLS_PRELOAD_GUARD_TAKEN_MARK_H

#include <stdbool.h>

bool taken_mark_is_set(int fd);
void taken_mark_set(int fd, bool on);

#endif
