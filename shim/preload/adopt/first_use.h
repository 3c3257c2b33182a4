/*
 * Finds connections that connect() never saw: a descriptor that a connector program handed down already
 * connected, one received over a UNIX socket, and a mail server on a port that no rule names, which its
 * greeting reveals.
 *
 * We ask about such a TCP connection once, at its first read or write. If the policy guards it and no byte
 * has been exchanged, we switch it as if a blocking connect() had just returned, and the relay reads the
 * greeting that waits in the socket. If it is too late, or another process has the connection too, the level
 * decides: where it demands TLS, the call fails with EPERM and the log says why; at `may` the connection
 * stays in plaintext and the log says so.
 *
 * A socket that our connect() has taken for a guarded connection is never connected itself. If another
 * process shares it, its calls fail with EPERM and the log says why.
 *
 * We do not see reads and writes that bypass the library (stdio, raw system calls). So we look earlier at
 * some descriptors: at those that the program is started with (first_use_start), at those that another
 * process sends (first_use_received), and at each one that stdio makes a stream of (first_use_stream,
 * first_use_standard). If the port has no rule and the server has not greeted by then, only read(2) and its
 * kin find the connection.
 */
#ifndef RETROTLS_PRELOAD_ADOPT_FIRST_USE_H
#define RETROTLS_PRELOAD_ADOPT_FIRST_USE_H

#include <stdbool.h>

#include "preload/descriptor/fd_state.h"

enum first_use {
    FIRST_USE_PLAIN,    /* the call goes on as if the library were not there */
    FIRST_USE_SWITCHED, /* the same, on a program's end (a hint: see fd_state.h) */
    FIRST_USE_REFUSED,  /* the call fails; errno is set */
    FIRST_USE_PROXY,    /* the call goes on, but what it writes must pass proxied_may_write() (proxied.h) */
};

enum first_use_way { FIRST_USE_READ, FIRST_USE_WRITE };

/*
 * For a call that is about to read from `fd` or write to it. `flags` holds MSG_DONTWAIT if it must not wait.
 * Otherwise this may wait in the kernel as the call itself would, and fail with the kernel's errno: for a
 * connection that is under way and, in a read, for the first bytes if the greeting decides. Keeps errno
 * unless it returns FIRST_USE_REFUSED.
 */
enum first_use first_use(int fd, enum first_use_way way, int flags);

/* Looks at all descriptors that the program was started with. Called when the library is loaded. */
void first_use_start(void);

/*
 * Looks at `fd` before it becomes a stream, whose reads and writes bypass the library. Does not wait for a
 * greeting. False with errno set if the program must not use it.
 */
bool first_use_stream(int fd);

/*
 * `fd` has become a standard descriptor, whose stream exists already. If the program must not use it, it is
 * replaced by a file that leads nowhere (refused.h).
 */
void first_use_standard(int fd);

/* `fd` came from another process. Switches it if possible, and otherwise leaves it to its first use. */
void first_use_received(int fd);

#endif
