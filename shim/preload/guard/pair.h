/* The pair of sockets that takes the place of a TCP socket. */
#ifndef RETROTLS_PRELOAD_GUARD_PAIR_H
#define RETROTLS_PRELOAD_GUARD_PAIR_H

#include <stdbool.h>

#include "preload/guard/slots.h"

enum {
    /*
     * SO_SNDBUF of the program's end, as getsockopt() reports it: the size we ask for, and the least we
     * accept if net.core.wmem_max is lower. pair.c explains the sizes.
     */
    PAIR_SEND_BUFFER = 272 * 1024,
    PAIR_SEND_BUFFER_LEAST = 160 * 1024,

    /*
     * The most that one call of sendfile(2) or splice(2) puts into a program's end. The kernel makes a single
     * buffer of everything the call gives it (MSG_SPLICE_PAGES, net/unix/af_unix.c). A buffer of this size,
     * charged four times, fits into PAIR_SEND_BUFFER_LEAST.
     */
    PAIR_PIECE = 32 * 1024,

    /*
     * SO_PRIORITY of the program's end says what a second connect() has to report. The option means nothing
     * to a UNIX socket, every process that holds the socket sees it, and setting these values needs no
     * privilege.
     */
    PAIR_REPORTED = 0,   /* the outcome has been reported */
    PAIR_UNREPORTED = 1, /* the next connect() reports it */
};

/* Makes a pair in the slot, with the seed byte in it (pair.c). Returns false with errno set. */
bool pair_make(struct slot *slot);

/*
 * Fills the program's end until it takes no more, so that it is no more writable than a TCP socket that is
 * still connecting, and marks it PAIR_UNREPORTED.
 */
bool pair_make_pending(struct slot *slot);

#endif
