/*
 * The watch on read and write: connections that connect() never saw. A descriptor inherited already connected
 * from a connector program or received over a UNIX socket; a mail server on a port that no rule names, which
 * its greeting shows. A socket that the library's connect() has taken for a guarded connection is never
 * connected itself; where another process shares it, its calls fail with EPERM, and the log says why.
 *
 * Such a TCP connection is asked about once, at its first read or write: where the policy guards it and no
 * byte has been exchanged, it is switched then, as a blocking connect() that is done; the greeting that waits
 * in the socket is read by the relay. Where it is too late, or another process has the connection too, and
 * the level demands TLS, the call fails with EPERM and the log says why. At `may` it stays in plaintext, and
 * the log says so.
 *
 * Not seen: what reads and writes without passing the library (stdio, raw system calls). So what the program
 * is started with is looked at then (first_use_start), what it is sent, when it comes (first_use_received),
 * and what becomes a stream of stdio's, before it does (first_use_stream, first_use_standard). A connection
 * on a port that no rule names, whose server has not greeted by then, is seen by read(2) and its kin alone.
 */
#ifndef RETROTLS_PRELOAD_ADOPT_FIRST_USE_H
#define RETROTLS_PRELOAD_ADOPT_FIRST_USE_H

#include <stdbool.h>

#include "preload/descriptor/fd_state.h"

enum first_use {
    FIRST_USE_PLAIN,    /* the call goes on as if the library were not there */
    FIRST_USE_SWITCHED, /* the same on a program's end (a hint: see fd_state.h) */
    FIRST_USE_REFUSED,  /* it fails; errno is set */
    FIRST_USE_PROXY,    /* it goes on; but what is written must pass proxied_may_write() (proxied.h) */
};

enum first_use_way { FIRST_USE_READ, FIRST_USE_WRITE };

/*
 * For a call that is about to read from `fd` or write to it, with MSG_DONTWAIT among `flags` where it must
 * not wait. May wait as the call itself would: for a connection that is under way, and, in a read on a
 * connection whose greeting has a say, for the first bytes; in the kernel, and with its errno.
 * Keeps errno but for FIRST_USE_REFUSED.
 */
enum first_use first_use(int fd, enum first_use_way way, int flags);

/* The library is loaded: looks at all descriptors that the program was started with. */
void first_use_start(void);

/*
 * A stream is about to be made of `fd`, whose reads and writes pass no library: looks at it, and does not
 * wait for a greeting. False with errno where it must not be used.
 */
bool first_use_stream(int fd);

/* `fd` is a standard descriptor now, whose stream is there already: what must not be used leads nowhere. */
void first_use_standard(int fd);

/* `fd` came from another process: looks at it, and leaves what cannot be switched to its first use. */
void first_use_received(int fd);

#endif
